#pragma once
/// Relatives of the softmax over rows: the log of the sum of exponentials, some columns only, and entmax.

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/softmax.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct softmax_kind_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y (rows x 1) = log of the sum of exp(x) over each row; minus infinity for no columns, or if all are that.
  static void log_sum_exp_rows(out y, in x) {
    parallel_ranges(x.rows, row_grain(4 * x.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S top = x.cols > 0 ? largest(x.row(i), x.cols) : -infinity;
        y(i, 0) = std::isinf(top) ? top + nothing_or_nan(x.row(i), x.cols)
                                  : top + std::log(sum_of_exp(x.row(i), x.cols, top));
      }
    });
  }

  /// y = softmax over the columns of each row whose mask (1 x N or T x N) is above 0, and 0 in the others; zeros where
  /// nothing is visible. What is masked is not read as a number: it may be anything.
  static void masked_softmax_rows(out y, in x, in mask) {
    parallel_ranges(x.rows, row_grain(4 * x.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S* const visible = mask.row(mask.rows == 1 ? 0 : i);
        const S* const from = x.row(i);
        S* const to = y.row(i);
        S top = -infinity;
        bool any = false;
        for (index_t j = 0; j < x.cols; ++j)
          if (visible[j] > S(0)) {
            top = !any || from[j] > top ? from[j] : top;
            any = true;
          }
        for (index_t j = 0; j < x.cols; ++j) to[j] = visible[j] > S(0) ? from[j] : top;
        if (any) exp_and_sum(to, to, x.cols, S(1), top);
        S sum = 0;
        for (index_t j = 0; j < x.cols; ++j) sum += to[j] = visible[j] > S(0) ? to[j] : S(0);
        if (any) scale_span(to, x.cols, S(1) / sum);
      }
    });
  }

  /// y = entmax with alpha 1.5 of each row of x: max(x / 2 - tau, 0)^2, with tau such that the row sums to one.
  static void entmax_rows(out y, in x) {
    if (x.cols == 0) return;
    parallel_ranges(x.rows, row_grain(32 * x.cols), [&](index_t begin, index_t end) {
      const auto z = scratch<S>(x.cols);
      for (index_t i = begin; i < end; ++i) {
        const S top = largest(x.row(i), x.cols);
        for (index_t j = 0; j < x.cols; ++j) z[j] = fn::entmax_input{}(x(i, j), top);
        // tau is between -1 and 0: halved until it is known which entries are above it, ...
        S low = -1, high = 0;
        for (int halving = 0; halving < fn::entmax_value::halvings; ++halving) {
          const S tau = (low + high) / 2;
          const S sum = sum_packs<S>(x.cols, [&](index_t j, index_t part) {
            return fn::entmax_value{}(part == 0 ? pack<S>::load(z + j) : padded(z + j, part), pack<S>(tau));
          });
          (sum > S(1) ? low : high) = tau;
        }
        // ... of which it is then a root of a quadratic.
        S count = 0, sum = 0, squares = 0;
        for (index_t j = 0; j < x.cols; ++j)
          if (z[j] > low) count += 1, sum += z[j];
        const S mean = sum / count;
        for (index_t j = 0; j < x.cols; ++j)
          if (z[j] > low) squares += (z[j] - mean) * (z[j] - mean);
        const S tau = mean - std::sqrt(std::max(S(0), (1 - squares) / count));
        for (index_t j = 0; j < x.cols; ++j) y(i, j) = fn::entmax_value{}(z[j], tau);
      }
    });
  }

 private:
  static constexpr S infinity = std::numeric_limits<S>::infinity();

  /// NaN if there is one among the numbers, else 0.
  static S nothing_or_nan(const S* x, index_t count) {
    return std::any_of(x, x + count, [](S v) { return v != v; }) ? std::numeric_limits<S>::quiet_NaN() : S(0);
  }
  /// The first `part` numbers, the rest below every tau.
  static pack<S> padded(const S* from, index_t part) {
    S lanes[pack<S>::width];
    std::fill_n(lanes, pack<S>::width, S(-2));
    std::copy_n(from, part, lanes);
    return pack<S>::load(lanes);
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
