#pragma once
/// What one expert computes, with a bias for its hidden units: E(x) = W2 act(W1 x + b1).

#include "gmoe/core/functions.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"

namespace gmoe {

/// A slice of a dense layer: the output's bias b2 is the layer's, not a slice's (see output_bias).
template <class Activation>
struct biased_expert {
  using slot = slots::body;

  template <class B>
  struct weights {
    expert_units<B> units;
    parameter<B> w_in, b_in, w_out;  ///< a row per hidden unit: of d, 1 and d numbers

    /// Parameters of expert e in matrices.
    index_t size(index_t e) const { return 2 * units.of(e) * w_in.cols(); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    expert_units<B> units(pool.widths);
    return {units, make.normal("w_in", units.total(), pool.d_model, pool.initializer_range),
            make.constant("b_in", units.total(), 1, 0),
            make.normal("w_out", units.total(), pool.d_model, pool.initializer_range)};
  }
  /// sum over the pairs of w_e E_e(x)
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const pair_groups<B> pairs(r.pairs);
    const block_layout blocks(w.units.layout(r.visible));
    const variable<B> one = at.constant(matrix<B>::filled(pairs.rows, 1, typename B::scalar(1)));
    const variable<B> a = grouped_matmul(gather_pairs(x, pairs), at.use(w.w_in), blocks, pairs, op::transpose),
                      b = grouped_matmul(one, at.use(w.b_in), blocks, pairs, op::transpose);
    const variable<B> h = apply(Activation{}, add(a, b));
    return combine_pairs(grouped_matmul(h, at.use(w.w_out), blocks, pairs), r.weights, pairs);
  }
};

}  // namespace gmoe
