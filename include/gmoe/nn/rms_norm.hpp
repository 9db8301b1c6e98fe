#pragma once
/// Normalisation by the root mean square, with a learned gain (Zhang & Sennrich 2019).

#include <cmath>

#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/normalize.hpp"

namespace gmoe::nn {

/// y = x / sqrt(mean(x^2) + eps) * gain, which is x / sqrt(|x|^2 + d eps) * (sqrt(d) gain).
template <class B>
struct rms_norm {
  parameter<B> gain;  ///< 1 x d
  double epsilon;

  /// Gain 1.
  static rms_norm make(const builder<B>& make, index_t d, double epsilon) {
    return {make.constant("weight", 1, d, 1), epsilon};
  }
  variable<B> operator()(const context<B>& ctx, const variable<B>& x) const {
    const auto d = static_cast<double>(x.cols());
    return multiply_row(normalize_lengths(x, d * epsilon), scale(ctx.use(gain), std::sqrt(d)));
  }
};

}  // namespace gmoe::nn
