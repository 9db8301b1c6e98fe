#pragma once
/// Random masks and noise from keyed streams: the same numbers as on every other backend.

#include <cstdint>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Elements 4 i, ..., 4 i + 3, in row-major order, times their dropout factors: those of counter i of the stream, or of
/// two counters where it begins in the middle of one.
template <class S>
struct dropout_elements {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x;
  random_stream random;
  fn::dropout_factor<S> factor;
  GMOE_HD void operator()(index_t i) const {
    const std::uint64_t counter = (random.first() >> 2) + static_cast<std::uint64_t>(i);
    const auto skipped = static_cast<index_t>(random.first() & 3);
    random_words words = random.words(counter);
    for (index_t k = 0; k < 4 && 4 * i + k < y.size(); ++k) {
      const position at(4 * i + k, y.cols);
      if (k > 0 && skipped + k == 4) words = random.words(counter + 1);
      put(y(at.row, at.col), beta, x(at.row, at.col) * factor(words.word[(skipped + k) & 3]));
    }
  }
};

template <class S>
struct uniform_element {
  matrix_view<S> y;
  fn::uniform_between<S> number;
  random_stream random;
  GMOE_HD void operator()(index_t i) const {
    const position at(i, y.cols);
    y(at.row, at.col) = number(random.word(static_cast<std::uint64_t>(i)));
  }
};

template <class S>
struct random_kernels {
  /// y = x * mask + beta y, the mask over the elements in row-major order. Its own backward pass.
  static void dropout(matrix_view<S> y, S beta, matrix_view<const S> x, random_stream random, double probability) {
    for_each_index((y.size() + 3) / 4, dropout_elements<S>{y, beta, x, random, fn::dropout_factor<S>(probability)});
  }

  /// y = uniform numbers in [low, high).
  static void fill_uniform(matrix_view<S> y, S low, S high, random_stream random) {
    for_each_index(y.size(), uniform_element<S>{y, {low, high}, random});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
