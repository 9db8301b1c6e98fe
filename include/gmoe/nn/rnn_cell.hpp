#pragma once
/// A plain recurrent unit: h' = tanh(W x + b + U h + c).

#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe::nn {

template <class B>
struct rnn_cell {
  parameter<B> w_ih, w_hh, b_ih, b_hh;  ///< d x in, d x d, 1 x d

  /// Normal weights, zero biases.
  static rnn_cell make_normal(const builder<B>& make, index_t in, index_t d, double deviation) {
    return {make.normal("weight_ih", d, in, deviation), make.normal("weight_hh", d, d, deviation),
            make.constant("bias_ih", 1, d, 0), make.constant("bias_hh", 1, d, 0)};
  }
  /// x: T x in; h: T x d or nothing (zero). Returns T x d.
  variable<B> operator()(const context<B>& ctx, const variable<B>& x, const variable<B>& h) const {
    variable<B> sum = add_row(matmul(x, ctx.use(w_ih), op::transpose), add(ctx.use(b_ih), ctx.use(b_hh)));
    if (h) sum = add(sum, matmul(h, ctx.use(w_hh), op::transpose));
    return tanh(sum);
  }
};

}  // namespace gmoe::nn
