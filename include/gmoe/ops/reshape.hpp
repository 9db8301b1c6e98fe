#pragma once
/// The same numbers in another shape, and ranges of rows and columns.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

/// x's numbers, row by row, as rows x cols: heads, slots or groups of columns as rows of their own, and back. Value and
/// gradient share x's memory.
template <class B>
variable<B> reshape(const variable<B>& x, index_t rows, index_t cols) {
  require(rows >= 0 && cols >= 0 && rows * cols == x.size(), "reshape: ", x.rows(), " x ", x.cols(), " cannot become ",
          rows, " x ", cols);
  return make_result(
      x.value().reshaped(rows, cols), [x = x.without_value()](const variable<B>& y) { x.add_gradient(y.gradient()); },
      x);
}

/// Rows first, ..., first + count - 1 of x.
///     dx = dy in those rows, 0 in the others
template <class B>
variable<B> rows_of(const variable<B>& x, index_t first, index_t count) {
  require(first >= 0 && count >= 0 && first + count <= x.rows(), "rows_of: rows ", first, " to ", first + count - 1,
          " of ", x.rows());
  matrix<B> y(count, x.cols());
  B::map(y.view(), 0, fn::same{}, x.value().view().row_block(first, count));
  return make_result(
      std::move(y),
      [x = x.without_value(), first, count](const variable<B>& y) {
        B::map(x.zeroed_sink().view().row_block(first, count), 1, fn::same{}, std::as_const(y.gradient()).view());
      },
      x);
}

/// Columns first, ..., first + count - 1 of x.
///     dx = dy in those columns, 0 in the others
template <class B>
variable<B> columns_of(const variable<B>& x, index_t first, index_t count) {
  require(first >= 0 && count >= 0 && first + count <= x.cols(), "columns_of: columns ", first, " to ",
          first + count - 1, " of ", x.cols());
  matrix<B> y(x.rows(), count);
  B::map(y.view(), 0, fn::same{}, x.value().view().col_block(first, count));
  return make_result(
      std::move(y),
      [x = x.without_value(), first, count](const variable<B>& y) {
        B::map(x.zeroed_sink().view().col_block(first, count), 1, fn::same{}, std::as_const(y.gradient()).view());
      },
      x);
}

}  // namespace gmoe
