#pragma once
/// Causal multi-head self-attention (Vaswani et al. 2017) as one operation.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// qkv: T x 3d, columns [Q | K | V], T = batch * sequence. Returns T x d. `random` feeds dropout only.
template <class B>
variable<B> causal_attention(const variable<B>& qkv, const attention_shape& shape, random_stream random) {
  const index_t d = qkv.cols() / 3;
  require(qkv.rows() == shape.batch * shape.sequence && d * 3 == qkv.cols() && d % shape.heads == 0,
          "causal_attention: ", qkv.rows(), " x ", qkv.cols(), " is not (batch ", shape.batch, " * sequence ",
          shape.sequence, ") x 3 d with d divisible by ", shape.heads, " heads");
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

}  // namespace gmoe
