#pragma once
/// A router shared by blocks of layers (PathMoE, Gu et al. 2026; Omni-Router, Gu et al. 2025).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// z^l = router_b(x^l), b = floor(l / block): what `Router` keeps for a layer is kept once per `block` of mixtures, and
/// every layer decides for itself. What it carries from layer to layer travels through all blocks. The last block may
/// be shorter.
template <class Router>
struct by_block {
  using slot = slots::router;
  static_assert(!has_hook_within<hooks::prepare, Router> && !has_hook_within<hooks::before_step, Router> &&
                    !has_hook_within<hooks::after_step, Router> && !has_hook_within<hooks::remember, Router>,
                "gmoe: by_block shares what a router keeps, and this one changes it layer by layer");
  Router of{};
  index_t block = 4;  ///< B
  static constexpr auto fields =
      std::tuple{field{"block", &by_block::block, "mixtures that share a router; 0: all of them", at_least(0)}};

  template <class B>
  using layer = nothing;
  template <class B>
  struct shared {
    typename kept<Router, B, nothing>::layer of_layer;
    typename kept<Router, B, nothing>::shared of_all;
  };
  index_t group(index_t layer) const { return block == 0 ? 0 : layer / block; }
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> s;
    if constexpr (kept<Router, B, nothing>::has_layers) s.of_layer = ask<hooks::make_layer>(of, nothing{}, make, l);
    if constexpr (kept<Router, B, nothing>::has_shared) s.of_all = ask<hooks::make_shared>(of, nothing{}, make, l);
    return s;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    using inner = kept<Router, B, nothing>;
    const own<const typename inner::layer, const typename inner::shared, typename inner::carried,
              typename inner::cached>
        of_block{my.shared.of_layer, my.shared.of_all, my.carried, my.cached};
    return ask<hooks::logits>(of, of_block, at, x);
  }
};

}  // namespace gmoe
