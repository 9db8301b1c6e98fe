#pragma once
/// A router that sees less of a token.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// z^l = router(W_d^l x^l), W_d^l: width x d, of the layer's own: `Router` in a narrower space. Around a router with a
/// recurrent state it is RMoE's projection (Qiu et al. 2024), around GMoE's a Global Router with a narrow state.
template <class Router>
struct narrow {
  using slot = slots::router;
  static_assert(!has_hook_within<hooks::prepare, Router> && !has_hook_within<hooks::before_step, Router> &&
                    !has_hook_within<hooks::after_step, Router> && !has_hook_within<hooks::remember, Router>,
                "gmoe: narrow goes around a router that neither prepares nor hears of steps or routings");
  Router of{};
  index_t width = 32;
  static constexpr auto fields =
      std::tuple{field{"width", &narrow::width, "columns of what the router sees", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> down;  ///< W_d: width x d
    typename kept<Router, B, nothing>::layer of_router;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> m{make.normal("down", width, l.d_model, l.initializer_range), {}};
    if constexpr (kept<Router, B, nothing>::has_layers)
      m.of_router = ask<hooks::make_layer>(of, nothing{}, make, inside(l));
    return m;
  }
  /// What the router shares between layers, in the narrow space.
  template <class B>
  auto make_shared(const builder<B>& make, const layer_shape& l) const requires(kept<Router, B, nothing>::has_shared) {
    return ask<hooks::make_shared>(of, nothing{}, make, inside(l));
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    using inner = kept<Router, B, nothing>;
    const own<const typename inner::layer, const typename inner::shared, typename inner::carried,
              typename inner::cached>
        of_router{my.layer.of_router, my.shared, my.carried, my.cached};
    return ask<hooks::logits>(of, of_router, at, matmul(x, at.use(my.layer.down), op::transpose));
  }

 private:
  layer_shape inside(layer_shape l) const {
    l.d_model = width;
    return l;
  }
};

}  // namespace gmoe
