#pragma once
/// Relatives of the softmax over rows: the log of the sum of exponentials, some columns only, and entmax.

#include <limits>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/softmax.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct log_sum_exp_row {
  matrix_view<S> y;
  matrix_view<const S> x;
  S infinity;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S best = -infinity;
    for (index_t j = team.first(); j < x.cols; j += team.step()) best = best < x(i, j) ? x(i, j) : best;
    const S top = team.largest(best);
    const bool endless = top == infinity || top == -infinity;
    S part = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step())
      part += endless ? (x(i, j) != x(i, j) ? x(i, j) : S(0)) : fn::exp(x(i, j) - top);
    const S total = team.sum(part);
    if (team.leads()) y(i, 0) = endless ? top + total : top + fn::log(total);
  }
};

template <class S>
struct masked_softmax_row {
  matrix_view<S> y;
  matrix_view<const S> x, mask;
  S infinity;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const visible = mask.row(mask.rows == 1 ? 0 : i);
    S best = -infinity;
    index_t seen = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step())
      if (visible[j] > S(0)) {
        best = best < x(i, j) ? x(i, j) : best;
        ++seen;
      }
    const S top = team.largest(best);
    const bool any = team.sum(seen) > 0;
    S part = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step())
      part += y(i, j) = visible[j] > S(0) ? fn::exp(x(i, j) - top) : S(0);
    const S total = team.sum(part);
    if (any) scale_span(team, y.row(i), x.cols, S(1) / total);
  }
};

template <class S>
struct entmax_row {
  matrix_view<S> y;
  matrix_view<const S> x;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S top = largest_of(team, x.row(i), x.cols);
    // tau is between -1 and 0: halved until it is known which entries are above it, ...
    S low = -1, high = 0;
    for (int halving = 0; halving < fn::entmax_value::halvings; ++halving) {
      const S tau = (low + high) / 2;
      S part = 0;
      for (index_t j = team.first(); j < x.cols; j += team.step())
        part += fn::entmax_value{}(fn::entmax_input{}(x(i, j), top), tau);
      (team.sum(part) > S(1) ? low : high) = tau;
    }
    // ... of which it is then a root of a quadratic.
    S count = 0, sum = 0, squares = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step()) {
      const S z = fn::entmax_input{}(x(i, j), top);
      if (z > low) count += 1, sum += z;
    }
    const S all = team.sum(count), mean = team.sum(sum) / all;
    for (index_t j = team.first(); j < x.cols; j += team.step()) {
      const S z = fn::entmax_input{}(x(i, j), top);
      if (z > low) squares += (z - mean) * (z - mean);
    }
    const S tau = mean - fn::sqrt(fn::max((1 - team.sum(squares)) / all, S(0)));
    for (index_t j = team.first(); j < x.cols; j += team.step())
      y(i, j) = fn::entmax_value{}(fn::entmax_input{}(x(i, j), top), tau);
  }
};

template <class S>
struct softmax_kind_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y (rows x 1) = log of the sum of exp(x) over each row; minus infinity for no columns, or if all are that.
  static void log_sum_exp_rows(out y, in x) { for_each_row(x.rows, x.cols, log_sum_exp_row<S>{y, x, infinity}); }

  /// y = softmax over the columns of each row whose mask (1 x N or T x N) is above 0, and 0 in the others; zeros where
  /// nothing is visible. What is masked is not read as a number: it may be anything.
  static void masked_softmax_rows(out y, in x, in mask) {
    for_each_row(x.rows, x.cols, masked_softmax_row<S>{y, x, mask, infinity});
  }

  /// y = entmax with alpha 1.5 of each row of x: max(x / 2 - tau, 0)^2, with tau such that the row sums to one.
  static void entmax_rows(out y, in x) {
    if (x.cols > 0) for_each_row(x.rows, x.cols, entmax_row<S>{y, x});
  }

 private:
  static constexpr S infinity = std::numeric_limits<S>::infinity();
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
