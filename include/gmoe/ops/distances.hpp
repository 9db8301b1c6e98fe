#pragma once
/// How far rows are from points.

#include <limits>

#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// |x_t - c_i| for every row of x (T x d) and of c (N x d): T x N. Made of |x|^2 - 2 <x, c> + |c|^2, so that nothing of
/// T x N x d numbers is stored; what is nearer than 10^-6 is that near and has no gradient.
///     dx_t = sum_i dy_ti (x_t - c_i) / y_ti      dc_i = sum_t dy_ti (c_i - x_t) / y_ti
template <class B>
variable<B> row_distances(const variable<B>& x, const variable<B>& c) {
  require(x.cols() == c.cols(), "row_distances: rows of ", x.cols(), " numbers and points of ", c.cols());
  const variable<B> lengths = reshape(row_sums(square(c)), 1, c.rows());
  const variable<B> squares = add_row(scale(matmul(x, c, op::transpose), -2), lengths);
  return sqrt(clamp(add_col(squares, row_sums(square(x))), 1e-12, std::numeric_limits<float>::max()));
}

}  // namespace gmoe
