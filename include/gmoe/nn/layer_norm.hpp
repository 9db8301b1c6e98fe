#pragma once
/// Layer normalisation with learned gain and bias.

#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/layer_norm.hpp"

namespace gmoe::nn {

template <class B>
struct layer_norm {
  parameter<B> gain, bias;  ///< 1 x d
  double epsilon;

  layer_norm(const builder<B>& make, index_t d, double eps)
      : gain(make.constant("weight", 1, d, 1)), bias(make.constant("bias", 1, d, 0)), epsilon(eps) {}

  variable<B> operator()(const context<B>& ctx, const variable<B>& x) {
    return gmoe::layer_norm(x, ctx.use(gain), ctx.use(bias), epsilon);
  }
  void each(auto&& visit) {
    visit(gain);
    visit(bias);
  }
};

}  // namespace gmoe::nn
