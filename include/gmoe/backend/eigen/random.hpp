#pragma once
/// Random masks and noise from keyed streams: the same numbers on every backend and for any number of threads.

#include <cstdint>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// mask[j] = 0 with `probability`, else 1 / (1 - probability), for elements first, first + 1, ... of the stream.
template <class S>
inline void fill_dropout_mask(S* mask, index_t count, const random_stream& random, std::uint64_t first,
                              double probability) {
  const fn::dropout_factor<S> factor(probability);
  random_words words{};
  for (index_t j = 0; j < count; ++j) {
    const std::uint64_t index = random.first() + first + static_cast<std::uint64_t>(j);
    if (j == 0 || (index & 3) == 0) words = random.words(index >> 2);
    mask[j] = factor(words.word[index & 3]);
  }
}

template <class S>
struct random_kernels {
  /// y = x * mask + beta y, mask as above over the elements in row-major order. Its own backward pass.
  static void dropout(matrix_view<S> y, S beta, matrix_view<const S> x, random_stream random, double probability) {
    parallel_ranges(x.rows, 16, [&](index_t begin, index_t end) {
      constexpr index_t run = 256;
      S mask[run];
      for (index_t i = begin; i < end; ++i)
        for (index_t j0 = 0; j0 < x.cols; j0 += run) {
          const index_t count = std::min(run, x.cols - j0);
          fill_dropout_mask(mask, count, random, static_cast<std::uint64_t>(i * x.cols + j0), probability);
          for (index_t j = 0; j < count; ++j)
            y(i, j0 + j) = x(i, j0 + j) * mask[j] + (beta == S(0) ? S(0) : y(i, j0 + j));
        }
    });
  }

  /// y = uniform numbers between low and high, 32 random bits each; in float the largest round to `high` itself.
  static void fill_uniform(matrix_view<S> y, S low, S high, random_stream random) {
    const fn::uniform_between<S> number{low, high};
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) y(i, j) = number(random.word(static_cast<std::uint64_t>(i * y.cols + j)));
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
