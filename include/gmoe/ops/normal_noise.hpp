#pragma once
/// Normal random numbers from a keyed stream: a matrix without a gradient.

#include <utility>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/normal_quantile.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// Standard normal numbers: element (i, j) follows from word i cols + j of the stream, w of 2^32, as the quantile of
/// w / 2^32. The same on every backend, up to the rounding of a logarithm.
template <class B>
matrix<B> normal_noise(index_t rows, index_t cols, random_stream random) {
  using scalar = typename B::scalar;
  matrix<B> noise(rows, cols);
  B::fill_uniform(noise.view(), scalar(-0.5), scalar(0.5), random);
  B::map(noise.view(), 0, fn::normal_quantile{}, std::as_const(noise).view());
  return noise;
}

}  // namespace gmoe
