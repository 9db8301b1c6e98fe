#pragma once
/// Softmax over each row, a team per row.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Largest of `count` >= 1 numbers.
template <class Team, class S>
GMOE_DEVICE S largest_of(const Team& team, const S* x, index_t count) {
  S best = x[0];
  for (index_t j = team.first(); j < count; j += team.step()) best = best < x[j] ? x[j] : best;
  return team.largest(best);
}

/// y = exp(x - shift), returns the sum of y; y may be x.
template <class Team, class S>
GMOE_DEVICE S exp_and_sum(const Team& team, S* y, const S* x, index_t count, S shift) {
  S part = 0;
  for (index_t j = team.first(); j < count; j += team.step()) part += y[j] = fn::exp(x[j] - shift);
  return team.sum(part);
}

template <class Team, class S>
GMOE_DEVICE void scale_span(const Team& team, S* y, index_t count, S factor) {
  for (index_t j = team.first(); j < count; j += team.step()) y[j] *= factor;
}

template <class S>
struct softmax_row {
  matrix_view<S> y;
  matrix_view<const S> x;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S top = largest_of(team, x.row(i), x.cols);
    const S sum = exp_and_sum(team, y.row(i), x.row(i), x.cols, top);
    scale_span(team, y.row(i), x.cols, S(1) / sum);
  }
};

template <class S>
struct softmax_row_backward {
  matrix_view<S> dx;
  S beta;
  matrix_view<const S> dy, y;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S part = 0;
    for (index_t j = team.first(); j < y.cols; j += team.step()) part += dy(i, j) * y(i, j);
    const S dot = team.sum(part);
    for (index_t j = team.first(); j < y.cols; j += team.step())
      put(dx(i, j), beta, fn::softmax_slope{}(y(i, j), dy(i, j), dot));
  }
};

template <class S>
struct softmax_kernels {
  /// y = softmax of each row of x.
  static void softmax_rows(matrix_view<S> y, matrix_view<const S> x) {
    if (x.cols > 0) for_each_row(x.rows, x.cols, softmax_row<S>{y, x});
  }
  /// dx = y (dy - <dy, y>) + beta dx for each row, where y = softmax(x).
  static void softmax_rows_backward(matrix_view<S> dx, S beta, matrix_view<const S> dy, matrix_view<const S> y) {
    for_each_row(y.rows, y.cols, softmax_row_backward<S>{dx, beta, dy, y});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
