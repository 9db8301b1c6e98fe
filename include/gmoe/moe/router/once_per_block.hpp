#pragma once
/// The first layer of a block decides for all of it (a control of PathMoE, Gu et al. 2026).

#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/router/by_block.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// z^l = router_b(x^f), f = block floor(l / block): the logits of the block's first layer, carried with their gradient.
/// Scores, choices and weights follow from them in every layer.
template <class Router>
struct once_per_block {
  using slot = slots::router;
  by_block<Router> of{};
  static constexpr auto fields = std::tuple{};

  template <class B>
  struct carried {
    variable<B> z;  ///< T x columns, of the block's first layer
    typename kept<Router, B, nothing>::carried of_router;
  };
  /// Only the first layer of a block asks the router.
  bool decides(const layer_shape& l) const { return l.moe_layer == 0 || (of.block > 0 && l.moe_layer % of.block == 0); }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    if (decides(at.layer)) {
      const own<decltype((my.layer)), decltype((my.shared)), decltype((my.carried.of_router)), decltype((my.cached))>
          of_block{my.layer, my.shared, my.carried.of_router, my.cached};
      my.carried.z = ask<hooks::logits>(of, of_block, at, x);
    }
    require(my.carried.z.cols() == at.layer.columns, "block ", at.block, ": the logits of ", my.carried.z.cols(),
            " columns that the block of layers began with do not fit a layer of ", at.layer.columns);
    return my.carried.z;
  }
};

}  // namespace gmoe
