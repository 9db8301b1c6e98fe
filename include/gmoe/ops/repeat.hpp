#pragma once
/// One row, one column or one number many times.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

namespace detail {
/// to = v (1 x cols) in every row + beta to. The row is read again and again, not copied first.
template <class B>
void spread_row(matrix_view<typename B::scalar> to, typename B::scalar beta, const matrix<B>& v) {
  B::map(to, beta, fn::same{}, matrix_view<const typename B::scalar>{v.data(), to.rows, to.cols, 0});
}
/// to = c (rows x 1) in every column + beta to.
template <class B>
void spread_col(matrix_view<typename B::scalar> to, typename B::scalar beta, const matrix<B>& c) {
  using scalar = typename B::scalar;
  const auto zeros = matrix<B>::filled(1, to.cols, scalar(0));
  B::map_with_col(to, beta, fn::plus{}, matrix_view<const scalar>{zeros.data(), to.rows, to.cols, 0}, c.view());
}
/// A column of `rows` copies of a 1 x 1 matrix, for scaling rows by it without asking the device for its value.
template <class B>
matrix<B> repeated(const matrix<B>& number, index_t rows) {
  matrix<B> column(rows, 1);
  spread_row<B>(column.view(), 0, number);
  return column;
}
}  // namespace detail

/// `rows` copies of v (1 x cols), one below the other.
///     dv = column sums of dy
template <class B>
variable<B> repeat_rows(const variable<B>& v, index_t rows) {
  require(v.rows() == 1, "repeat_rows: expected one row, got ", v.rows(), " x ", v.cols());
  matrix<B> y(rows, v.cols());
  detail::spread_row<B>(y.view(), 0, v.value());
  return make_result(
      std::move(y),
      [v = v.without_value()](const variable<B>& y) {
        const auto [to, beta] = v.sink();
        B::col_sums(to->view(), beta, 1, std::as_const(y.gradient()).view());
      },
      v);
}

/// `cols` copies of c (rows x 1), side by side.
///     dc = row sums of dy
template <class B>
variable<B> repeat_cols(const variable<B>& c, index_t cols) {
  require(c.cols() == 1, "repeat_cols: expected one column, got ", c.rows(), " x ", c.cols());
  matrix<B> y(c.rows(), cols);
  detail::spread_col<B>(y.view(), 0, c.value());
  return make_result(
      std::move(y),
      [c = c.without_value()](const variable<B>& y) {
        const auto [to, beta] = c.sink();
        B::row_sums(to->view(), beta, 1, std::as_const(y.gradient()).view());
      },
      c);
}

}  // namespace gmoe
