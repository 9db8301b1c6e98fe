#pragma once
/// y = x W + b, W stored in x out as GPT-2 stores it.

#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe::nn {

template <class B>
struct linear {
  parameter<B> weight, bias;  ///< in x out, 1 x out

  /// Normal(0, deviation) weights, zero bias.
  static linear make(const builder<B>& make, index_t in, index_t out, double deviation) {
    return {make.normal("weight", in, out, deviation), make.constant("bias", 1, out, 0)};
  }
  variable<B> operator()(const context<B>& ctx, const variable<B>& x) const {
    return affine(x, ctx.use(weight), ctx.use(bias));
  }
};

}  // namespace gmoe::nn
