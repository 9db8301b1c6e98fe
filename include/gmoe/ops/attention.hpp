#pragma once
/// Causal multi-head self-attention (Vaswani et al. 2017) as one operation.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// qkv: T x (d + 2 d / sharing), columns [Q | K | V], T = batch * sequence. Returns T x d. `random` feeds dropout only.
/// Where several heads of queries share one of keys and values (Ainslie et al. 2023), these are neighbours.
template <class B>
variable<B> causal_attention(const variable<B>& qkv, const attention_shape& shape, random_stream random) {
  require(shape.sharing > 0 && shape.heads % shape.sharing == 0, "causal_attention: ", shape.heads,
          " heads cannot share keys and values by ", shape.sharing);
  const index_t head = qkv.cols() / (shape.heads + 2 * shape.key_heads()), d = head * shape.heads;
  require(qkv.rows() == shape.batch * shape.sequence && shape.columns(d) == qkv.cols(),
          "causal_attention: ", qkv.rows(), " x ", qkv.cols(), " is not (batch ", shape.batch, " * sequence ",
          shape.sequence, ") x ", shape.heads, " heads of queries and twice ", shape.key_heads(),
          " of keys and values");
  matrix<B> y(qkv.rows(), d), lse(qkv.rows(), shape.heads);
  B::attention(y.view(), lse.view(), qkv.value().view(), shape, random);
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
