#pragma once
/// A matrix with a row vector (1 x cols) or a column vector (rows x 1): sums and products.

#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// x + v with v (1 x cols) added to every row, such as a bias.
template <class B>
variable<B> add_row(const variable<B>& x, const variable<B>& v) {
  require(v.rows() == 1 && v.cols() == x.cols(), "add_row: expected 1 x ", x.cols(), ", got ", v.rows(), " x ",
          v.cols());
  matrix<B> y(x.rows(), x.cols());
  B::map_with_row(y.view(), 0, fn::plus{}, x.value().view(), v.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value(), v = v.without_value()](const variable<B>& y) {
        if (x.needs_gradient()) x.add_gradient(y.gradient());
        if (v.needs_gradient()) {
          const auto [to, beta] = v.sink();
          B::col_sums(to->view(), beta, 1, std::as_const(y.gradient()).view());
        }
      },
      x, v);
}

/// c * x with c (rows x 1): every row by its own factor.
template <class B>
variable<B> multiply_col(const variable<B>& x, const variable<B>& c) {
  require(c.cols() == 1 && c.rows() == x.rows(), "multiply_col: expected ", x.rows(), " x 1, got ", c.rows(), " x ",
          c.cols());
  matrix<B> y(x.rows(), x.cols());
  B::map_with_col(y.view(), 0, fn::times{}, x.value().view(), c.value().view());
  return make_result(
      std::move(y),
      [x, c](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::map_with_col(to->view(), beta, fn::times{}, dy, c.value().view());
        }
        if (c.needs_gradient()) {
          const auto [to, beta] = c.sink();
          B::row_dots(to->view(), beta, dy, x.value().view());
        }
      },
      x, c);
}

/// v * x with v (1 x cols): every column by its own factor.
///     dx_tj = dy_tj v_j      dv_j = sum_t dy_tj x_tj
template <class B>
variable<B> multiply_row(const variable<B>& x, const variable<B>& v) {
  require(v.rows() == 1 && v.cols() == x.cols(), "multiply_row: expected 1 x ", x.cols(), ", got ", v.rows(), " x ",
          v.cols());
  matrix<B> y(x.rows(), x.cols());
  B::map_with_row(y.view(), 0, fn::times{}, x.value().view(), v.value().view());
  return make_result(
      std::move(y),
      [x, v](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::map_with_row(to->view(), beta, fn::times{}, dy, v.value().view());
        }
        if (v.needs_gradient()) {
          matrix<B> products(x.rows(), x.cols());
          B::map(products.view(), 0, fn::times{}, dy, x.value().view());
          const auto [to, beta] = v.sink();
          B::col_sums(to->view(), beta, 1, std::as_const(products).view());
        }
      },
      x, v);
}

/// x + c with c (rows x 1) added to every column.
template <class B>
variable<B> add_col(const variable<B>& x, const variable<B>& c) {
  require(c.cols() == 1 && c.rows() == x.rows(), "add_col: expected ", x.rows(), " x 1, got ", c.rows(), " x ",
          c.cols());
  matrix<B> y(x.rows(), x.cols());
  B::map_with_col(y.view(), 0, fn::plus{}, x.value().view(), c.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value(), c = c.without_value()](const variable<B>& y) {
        if (x.needs_gradient()) x.add_gradient(y.gradient());
        if (c.needs_gradient()) {
          const auto [to, beta] = c.sink();
          B::row_sums(to->view(), beta, 1, std::as_const(y.gradient()).view());
        }
      },
      x, c);
}

}  // namespace gmoe
