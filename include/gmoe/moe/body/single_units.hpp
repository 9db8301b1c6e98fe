#pragma once
/// Experts of one hidden unit, which are gathered instead of multiplied in groups (PEER, He 2024).

#include <algorithm>
#include <vector>

#include "gmoe/core/functions.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// E_i(x) = act(<u_i, x>) v_i, act(0) = 0. The pool's experts are one unit wide, as those of unit_pool. A token's k
/// rows of u and of v are fetched: nothing is sorted, and how many experts there are costs no time.
template <class Activation>
struct single_units {
  using slot = slots::body;

  template <class B>
  struct weights {
    parameter<B> w_in, w_out;  ///< u and v: experts of the pool x d
    index_t size(index_t) const { return 2 * w_in.cols(); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    require(std::all_of(pool.widths.begin(), pool.widths.end(), [](index_t w) { return w == 1; }),
            "single_units are experts of one hidden unit, but the pool has wider ones: it takes unit_pool");
    return {make.normal("w_in", pool.experts(), pool.d_model, pool.initializer_range),
            make.normal("w_out", pool.experts(), pool.d_model, pool.initializer_range)};
  }
  /// sum over the pairs of w_e E_e(x)
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const index_t tokens = x.rows(), slots = r.kept.cols(), d = x.cols();
    if (tokens == 0) return x;  // no blocks to multiply
    const auto numbers = id_matrix<B>::from_host(*r.visible, 1, r.experts);
    const id_matrix<B> ids = take_ids(numbers, r.kept);  // an empty slot is a row of zeros
    const variable<B> u = take_rows(at.use(my.weights.w_in), ids), v = take_rows(at.use(my.weights.w_out), ids);
    const variable<B> h = apply(Activation{}, contract_rows(reshape(u, tokens, slots * d), x));
    return batched_matmul(r.weights ? multiply(h, r.weights) : h, v, tokens);
  }
};

}  // namespace gmoe
