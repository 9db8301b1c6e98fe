#pragma once
/// A gated recurrent unit: h' = GRU(x, h).

#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/gru.hpp"

namespace gmoe::nn {

template <class B>
struct gru_cell {
  parameter<B> w_ih, w_hh, b_ih, b_hh;  ///< 3d x in, 3d x d, 1 x 3d; gate order reset, update, new

  /// Xavier-uniform input weights, orthogonal hidden weights, zero biases (GMoE, section on initialisation).
  static gru_cell make(const builder<B>& make, index_t in, index_t d) {
    return {make.xavier_uniform("weight_ih", 3 * d, in), make.orthogonal("weight_hh", 3 * d, d),
            make.constant("bias_ih", 1, 3 * d, 0), make.constant("bias_hh", 1, 3 * d, 0)};
  }
  /// Normal weights, zero biases (RMoE).
  static gru_cell make_normal(const builder<B>& make, index_t in, index_t d, double deviation) {
    return {make.normal("weight_ih", 3 * d, in, deviation), make.normal("weight_hh", 3 * d, d, deviation),
            make.constant("bias_ih", 1, 3 * d, 0), make.constant("bias_hh", 1, 3 * d, 0)};
  }
  /// x: T x in; h: T x d or nothing (zero). Returns T x d.
  variable<B> operator()(const context<B>& ctx, const variable<B>& x, const variable<B>& h) const {
    return gru(x, h, ctx.use(w_ih), ctx.use(w_hh), ctx.use(b_ih), ctx.use(b_hh));
  }
};

}  // namespace gmoe::nn
