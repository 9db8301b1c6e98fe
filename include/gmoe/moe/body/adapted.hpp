#pragma once
/// Experts that stand still, each with a small one beside it that learns (PERFT-E, Liu et al. 2024).

#include <algorithm>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// y = sum over the pairs of w_e (E_e(x) + A_e(x)): E_e by `of`, A_e(x) = U_e act(D_e x) with as many hidden units as
/// `width` says and the act of `of`.
template <class Body>
struct adapted_experts {
  using slot = slots::body;
  Body of{};
  index_t width = 8;
  index_t from = 0;
  static constexpr auto fields =
      std::tuple{field{"width", &adapted_experts::width, "hidden units of an adapter", at_least(1)},
                 field{"from", &adapted_experts::from, "optimiser step from which on the base stands still; -1: none",
                       at_least(-1)}};

  template <class B>
  struct weights {
    typename Body::template weights<B> base;
    expert_units<B> units;  ///< of the adapters
    parameter<B> down, up;  ///< D and U': `width` rows of d numbers for every expert of the pool

    index_t size(index_t e) const { return base.size(e) + 2 * units.of(e) * down.cols(); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const builder<B> own = make.scope("adapters");
    const index_t rows = pool.experts() * width;
    return {of.make_weights(make, pool), expert_units<B>(std::vector<index_t>(pool.widths.size(), width)),
            own.normal("down", rows, pool.d_model, pool.initializer_range), own.constant("up", rows, pool.d_model, 0)};
  }
  bool trains(std::int64_t step) const { return from < 0 || step < static_cast<std::int64_t>(from); }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const struct { const typename Body::template weights<B>& weights; } base{w.base};
    const variable<B> adapted = apply_experts(of, x, r.weights, &r.pairs, at.use(w.down), at.use(w.up),
                                              w.units.layout(r.visible, r.pool_is_shared));
    return add(of(at, x, r, base), adapted);
  }
};

}  // namespace gmoe
