#pragma once
/// Sums: over each row, over each column, over everything. Accumulated in a fixed order.

#include <algorithm>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/memory.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/workspace.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// y_i = sum of row i of a * b + beta y_i.
template <class S>
struct row_dot {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> a, b;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S part = 0;
    for (index_t j = team.first(); j < a.cols; j += team.step()) part += a(i, j) * b(i, j);
    const S total = team.sum(part);
    if (team.leads()) put(y(i, 0), beta, total);
  }
};

/// y_i = scale * sum of row i of x + beta y_i.
template <class S>
struct row_sum {
  matrix_view<S> y;
  S beta, scale;
  matrix_view<const S> x;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S part = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step()) part += x(i, j);
    const S total = team.sum(part);
    if (team.leads()) put(y(i, 0), beta, scale * total);
  }
};

/// Column sums in two rounds, so that a tall matrix keeps many workers busy: first over pieces of rows, ...
template <class S>
struct col_sum_piece {
  matrix_view<const S> x;
  S* partial;  ///< pieces x cols
  index_t piece;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, x.cols);
    const index_t begin = at.row * piece, end = begin + piece < x.rows ? begin + piece : x.rows;
    S total = 0;
    for (index_t i = begin; i < end; ++i) total += x(i, at.col);
    partial[n] = total;
  }
};

/// ... then over the pieces.
template <class S>
struct add_pieces {
  S* y;
  S beta, scale;
  const S* partial;
  index_t pieces, cols;
  GMOE_HD void operator()(index_t j) const {
    S total = 0;
    for (index_t p = 0; p < pieces; ++p) total += partial[p * cols + j];
    put(y[j], beta, scale * total);
  }
};

/// The sum, in double, of f over piece number p of a matrix.
template <class S, class F>
struct sum_piece {
  matrix_view<const S> x;
  F f;
  double* partial;
  index_t piece;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t p) const {
    const index_t begin = p * piece, end = begin + piece < x.size() ? begin + piece : x.size();
    double part = 0;
    for (index_t i = begin + team.first(); i < end; i += team.step()) {
      const position at(i, x.cols);
      part += f(static_cast<double>(x(at.row, at.col)));
    }
    const double total = team.sum(part);
    if (team.leads()) partial[p] = total;
  }
};

/// y = scale * sum of the pieces + beta y.
template <class T>
struct sum_of_pieces {
  T* y;
  T beta;
  double scale;
  const double* partial;
  index_t pieces;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t) const {
    double part = 0;
    for (index_t p = team.first(); p < pieces; p += team.step()) part += partial[p];
    const double total = team.sum(part);
    if (team.leads()) put(*y, beta, static_cast<T>(scale * total));
  }
};

template <class S>
struct reduce_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y (rows x 1) = row sums of a * b (element-wise) + beta y.
  static void row_dots(out y, S beta, in a, in b) { for_each_row(a.rows, a.cols, row_dot<S>{y, beta, a, b}); }

  /// y (rows x 1) = scale * row sums of x + beta y.
  static void row_sums(out y, S beta, S scale, in x) { for_each_row(x.rows, x.cols, row_sum<S>{y, beta, scale, x}); }

  /// y (1 x cols) = scale * column sums of x + beta y.
  static void col_sums(out y, S beta, S scale, in x) {
    constexpr index_t piece = 64;
    const index_t pieces = std::max<index_t>((x.rows + piece - 1) / piece, 1);
    const scratch<S> partial(pieces * x.cols);
    for_each_index(pieces * x.cols, col_sum_piece<S>{x, partial, piece});
    for_each_index(x.cols, add_pieces<S>{y.data, beta, scale, partial, pieces, x.cols});
  }

  /// y (1 x 1) = scale * sum of all of x + beta y. Summed in double.
  static void sum(out y, S beta, S scale, in x) { add_all(y.data, beta, scale, x, fn::same{}); }

  /// Sum of squares of all elements, in double, returned to the host: waits for the GPU.
  static double sum_of_squares(in x) {
    const scratch<double> total(1);
    add_all(total.data(), 0.0, 1.0, x, fn::value_of<fn::square>{});
    double result = 0;
    memory_kernels<S>::download(&result, total.data(), sizeof result);
    return result;
  }

 private:
  template <class T, class F>
  static void add_all(T* y, T beta, double scale, in x, const F& f) {
    constexpr index_t piece = 1 << 14;
    const index_t pieces = (x.size() + piece - 1) / piece;
    const scratch<double> partial(pieces);
    for_each_row(pieces, piece, sum_piece<S, F>{x, f, partial, piece});
    for_each_row(1, pieces, sum_of_pieces<T>{y, beta, scale, partial, pieces});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
