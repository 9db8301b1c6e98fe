#pragma once
/// Logits that travel over depth (MoE++, Jin et al. 2024).

#include <optional>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// z^l = router^l(x^l) + W_g^l z^{l-1}, W_g: N x N; z^0 is the router's alone. With their gradient, unless `cuts`:
/// GMoE's propagated logits are cut.
template <class Router>
struct gating_residuals {
  using slot = slots::router;
  static_assert(!has_hook_within<hooks::prepare, Router> && !has_hook_within<hooks::before_step, Router> &&
                    !has_hook_within<hooks::after_step, Router> && !has_hook_within<hooks::remember, Router>,
                "gmoe: gating_residuals goes around a router that neither prepares nor hears of steps or routings");
  Router of{};
  bool cuts = false;
  static constexpr auto fields =
      std::tuple{field{"cuts", &gating_residuals::cuts, "the logits of the layer before are cut from the gradient"}};

  template <class B>
  struct layer {
    std::optional<parameter<B>> residual;  ///< W_g; none in the first mixture
    typename kept<Router, B, nothing>::layer of_router;
  };
  template <class B>
  struct carried {
    variable<B> z;  ///< T x N
    typename kept<Router, B, nothing>::carried of_router;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> m;
    if constexpr (kept<Router, B, nothing>::has_layers) m.of_router = ask<hooks::make_layer>(of, nothing{}, make, l);
    if (l.moe_layer > 0) m.residual = make.normal("gate_residual", l.experts, l.experts, l.initializer_range);
    return m;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    using inner = kept<Router, B, nothing>;
    const own<const typename inner::layer, const typename inner::shared, typename inner::carried,
              typename inner::cached>
        of_router{my.layer.of_router, my.shared, my.carried.of_router, my.cached};
    const variable<B> mine = ask<hooks::logits>(of, of_router, at, x);
    variable<B>& z = my.carried.z;
    if (!my.layer.residual || !z) return z = mine;
    require(z.cols() == mine.cols(), "gating_residuals: logits of ", z.cols(),
            " experts cannot be added to those of a layer of ", mine.cols(), " experts");
    const variable<B> before = cuts ? at.cut("propagated_logits", z) : z;
    return z = add(mine, matmul(before, at.use(*my.layer.residual), op::transpose));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: gating_residuals takes one logit per expert, but the card's score asks for other columns");
    static_assert(!has_uneven_layers<Card>,
                  "gmoe: gating_residuals hands logits from layer to layer, but the card's pool shows other numbers of "
                  "experts to other layers");
    return true;
  }
};

}  // namespace gmoe
