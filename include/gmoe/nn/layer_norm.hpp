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

  /// Gain 1, bias 0.
  static layer_norm make(const builder<B>& make, index_t d, double epsilon) {
    return {make.constant("weight", 1, d, 1), make.constant("bias", 1, d, 0), epsilon};
  }
  variable<B> operator()(const context<B>& ctx, const variable<B>& x) const {
    return gmoe::layer_norm(x, ctx.use(gain), ctx.use(bias), epsilon);
  }
};

}  // namespace gmoe::nn
