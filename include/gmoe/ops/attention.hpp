#pragma once
/// Causal multi-head self-attention (Vaswani et al. 2017) as one operation.

#include <type_traits>
#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// qkv: T x (d + 2 d / sharing), columns [Q | K | V], T = batch * sequence. Returns T x d. `random` feeds dropout only.
/// Where several heads of queries share one of keys and values (Ainslie et al. 2023), these are neighbours. `log_sums`
/// gets the log of the sum that each row's probabilities were divided by, T x heads: P = exp(Q K' / sqrt(head) -
/// log_sums) before dropout.
template <class B>
variable<B> causal_attention(const variable<B>& qkv, const attention_shape& shape, random_stream random,
                             std::type_identity_t<matrix<B>>& log_sums) {
  require(shape.sharing > 0 && shape.heads % shape.sharing == 0, "causal_attention: ", shape.heads,
          " heads cannot share keys and values by ", shape.sharing);
  const index_t head = qkv.cols() / (shape.heads + 2 * shape.key_heads()), d = head * shape.heads;
  require(qkv.rows() == shape.batch * shape.sequence && shape.columns(d) == qkv.cols(),
          "causal_attention: ", qkv.rows(), " x ", qkv.cols(), " is not (batch ", shape.batch, " * sequence ",
          shape.sequence, ") x ", shape.heads, " heads of queries and twice ", shape.key_heads(),
          " of keys and values");
  matrix<B> y(qkv.rows(), d), lse(qkv.rows(), shape.heads);
  B::attention(y.view(), lse.view(), qkv.value().view(), shape, random);
  log_sums = lse;
  return make_result(
      std::move(y),
      [qkv, lse, shape, random](const variable<B>& y, const matrix<B>& value) {
        matrix<B> d_qkv(qkv.rows(), qkv.cols());
        B::attention_backward(d_qkv.view(), std::as_const(y.gradient()).view(), value.view(), lse.view(),
                              qkv.value().view(), shape, random);
        qkv.add_gradient(d_qkv);
      },
      qkv);
}
template <class B>
variable<B> causal_attention(const variable<B>& qkv, const attention_shape& shape, random_stream random) {
  matrix<B> log_sums;
  return causal_attention(qkv, shape, random, log_sums);
}

/// How much attention each row receives from those that count (`valid`, T x 1; empty: all): the sum of its column of
/// the probabilities before dropout, the mean over the heads. T x 1. No derivative; y and log_sums are what
/// causal_attention made of qkv, in which no heads share keys.
///     received_u = sum_t v_t P_tu = (P' v)_u: the slope of V where that of y is v
template <class B>
matrix<B> attention_received(const matrix<B>& qkv, const matrix<B>& y, const matrix<B>& log_sums, attention_shape shape,
                             const matrix<B>& valid) {
  require(shape.sharing == 1 && qkv.cols() == 3 * y.cols() && qkv.rows() == y.rows() && log_sums.rows() == y.rows() &&
              log_sums.cols() == shape.heads,
          "attention_received: ", qkv.rows(), " x ", qkv.cols(), " does not fit ", y.rows(), " x ", y.cols(), " and ",
          shape.heads, " heads");
  shape.dropout = 0;
  matrix<B> slope(y.rows(), y.cols()), d_qkv(qkv.rows(), qkv.cols());
  B::fill(slope.view(), typename B::scalar(1));
  if (!valid.empty()) detail::spread_col<B>(slope.view(), 0, valid);
  B::attention_backward(d_qkv.view(), std::as_const(slope).view(), y.view(), log_sums.view(), qkv.view(), shape,
                        random_stream(0));
  const variable<B> of_values = columns_of(variable<B>(std::move(d_qkv)), 2 * y.cols(), y.cols());
  return scale(row_sums(of_values), 1.0 / static_cast<double>(y.cols())).value();
}

/// One sequence continued: the rows of qkv, as above, stand at positions past, past + 1, ...; their keys and values are
/// put into `keys` and `values` (positions x d / sharing), and each row attends to everything up to itself. No
/// derivative.
template <class B>
variable<B> attention_cached(const variable<B>& qkv, matrix<B>& keys, matrix<B>& values, index_t past, index_t heads) {
  const index_t d = qkv.cols() - keys.cols() - values.cols();
  require(d > 0 && d % heads == 0 && past >= 0 && past + qkv.rows() <= keys.rows() && keys.rows() == values.rows() &&
              keys.cols() == values.cols(),
          "attention_cached: ", qkv.rows(), " x ", qkv.cols(), " after ", past, " positions does not fit caches of ",
          keys.rows(), " x ", keys.cols(), " and ", values.rows(), " x ", values.cols(), " and ", heads, " heads");
  matrix<B> y(qkv.rows(), d);
  B::attention_cached(y.view(), keys.view(), values.view(), qkv.value().view(), past, heads);
  return variable<B>(std::move(y));
}

}  // namespace gmoe
