#pragma once
/// Softmax over each row, one pass per row while it is in cache.

#include <cmath>
#include <limits>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Largest of `count` >= 1 numbers.
template <class S>
inline S largest(const S* x, index_t count) {
  S best = x[0];
  index_t j = 0;
  if (count >= pack<S>::width) {
    pack<S> m = pack<S>::load(x);
    for (j = pack<S>::width; j + pack<S>::width <= count; j += pack<S>::width) m = max(m, pack<S>::load(x + j));
    best = m.largest();
  }
  for (; j < count; ++j) best = x[j] > best ? x[j] : best;
  return best;
}

/// y = exp(scale x - shift), returns the sum of y; y may be x.
template <class S>
inline S exp_and_sum(S* y, const S* x, index_t count, S scale, S shift) {
  const pack<S> a(scale), b(shift);
  pack<S> total(S(0));
  index_t j = 0;
  for (; j + pack<S>::width <= count; j += pack<S>::width) {
    const pack<S> e = exp(a * pack<S>::load(x + j) - b);
    e.store(y + j);
    total += e;
  }
  S sum = total.sum();
  if (j < count) {
    const pack<S> e = exp(a * pack<S>::load_part(x + j, count - j) - b);
    e.store_part(y + j, count - j);
    for (; j < count; ++j) sum += y[j];
  }
  return sum;
}

/// Sum of exp(x - shift), which is not kept.
template <class S>
inline S sum_of_exp(const S* x, index_t count, S shift) {
  const pack<S> b(shift);
  pack<S> total(S(0));
  index_t j = 0;
  for (; j + pack<S>::width <= count; j += pack<S>::width) total += exp(pack<S>::load(x + j) - b);
  S sum = total.sum();
  for (; j < count; ++j) sum += std::exp(x[j] - shift);
  return sum;
}

template <class S>
inline void scale_span(S* y, index_t count, S factor) {
  const pack<S> f(factor);
  for_packs<S>(count, [&](index_t j, index_t part) { store(y + j, load(y + j, part) * f, part); });
}

template <class S>
struct softmax_kernels {
  /// y = softmax of each row of x.
  static void softmax_rows(matrix_view<S> y, matrix_view<const S> x) {
    if (x.cols == 0) return;
    parallel_ranges(x.rows, row_grain(4 * x.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S top = largest(x.row(i), x.cols);
        const S sum = exp_and_sum(y.row(i), x.row(i), x.cols, S(1), top);
        scale_span(y.row(i), x.cols, S(1) / sum);
      }
    });
  }

  /// dx = y (dy - <dy, y>) + beta dx for each row, where y = softmax(x).
  static void softmax_rows_backward(matrix_view<S> dx, S beta, matrix_view<const S> dy, matrix_view<const S> y) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S *dyi = dy.row(i), *yi = y.row(i);
        S* dxi = dx.row(i);
        const pack<S> dot(
            sum_packs<S>(y.cols, [&](index_t j, index_t part) { return load(dyi + j, part) * load(yi + j, part); }));
        for_packs<S>(y.cols, [&](index_t j, index_t part) {
          const pack<S> g = fn::softmax_slope{}(load(yi + j, part), load(dyi + j, part), dot);
          store(dxi + j, beta == S(0) ? g : load(dxi + j, part) + g, part);
        });
      }
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
