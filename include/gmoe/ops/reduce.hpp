#pragma once
/// Sums, means and lengths.

#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// Sum of all elements, 1 x 1.
template <class B>
variable<B> sum(const variable<B>& x) {
  matrix<B> y(1, 1);
  B::sum(y.view(), 0, 1, x.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value()](const variable<B>& y) {
        matrix<B>& to = x.zeroed_sink();
        // dy is 1 x 1: repeated over the rows and columns as the product of ones with it.
        matrix<B> row(1, x.cols());
        B::fill(row.view(), typename B::scalar(1));
        matrix<B> scaled(1, x.cols());
        B::map_with_col(scaled.view(), 0, fn::times{}, std::as_const(row).view(), std::as_const(y.gradient()).view());
        B::map_with_row(to.view(), 0, fn::plus{}, std::as_const(to).view(), std::as_const(scaled).view());
      },
      x);
}

/// Sum of each row, rows x 1.
template <class B>
variable<B> row_sums(const variable<B>& x) {
  matrix<B> y(x.rows(), 1);
  B::row_sums(y.view(), 0, 1, x.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value()](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        detail::spread_col<B>(to->view(), beta, y.gradient());
      },
      x);
}

/// Sum of each column, 1 x cols.
template <class B>
variable<B> col_sums(const variable<B>& x) {
  matrix<B> y(1, x.cols());
  B::col_sums(y.view(), 0, 1, x.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value()](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        detail::spread_row<B>(to->view(), beta, y.gradient());
      },
      x);
}

/// Length of each row, sqrt(|x_t|^2 + epsilon), rows x 1.
///     dx_t = dy_t x_t / y_t
template <class B>
variable<B> row_norms(const variable<B>& x, double epsilon = 1e-12) {
  const fn::root_of_sum<typename B::scalar> root{static_cast<typename B::scalar>(epsilon)};
  matrix<B> y(x.rows(), 1);
  B::row_dots(y.view(), 0, x.value().view(), x.value().view());
  B::map(y.view(), 0, root, std::as_const(y).view());
  return make_result(
      std::move(y),
      [x](const variable<B>& y, const matrix<B>& value) {
        matrix<B> factors(x.rows(), 1);
        B::map(factors.view(), 0, fn::over{}, std::as_const(y.gradient()).view(), value.view());
        const auto [to, beta] = x.sink();
        B::map_with_col(to->view(), beta, fn::times{}, x.value().view(), std::as_const(factors).view());
      },
      x);
}

/// Mean over the rows, 1 x cols; zeros if there are none.
template <class B>
variable<B> col_means(const variable<B>& x) {
  matrix<B> y(1, x.cols());
  const auto factor = static_cast<typename B::scalar>(x.rows() > 0 ? 1.0 / static_cast<double>(x.rows()) : 0.0);
  B::col_sums(y.view(), 0, factor, x.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value(), factor](const variable<B>& y) {
        matrix<B>& to = x.zeroed_sink();
        const fn::plus_scaled<typename B::scalar> add_scaled{factor};
        B::map_with_row(to.view(), 0, add_scaled, std::as_const(to).view(), std::as_const(y.gradient()).view());
      },
      x);
}

/// <a, b>: the sum of the element-wise product, 1 x 1.
template <class B>
variable<B> dot(const variable<B>& a, const variable<B>& b) {
  return sum(multiply(a, b));
}

/// Mean of (a - b)^2 over all elements, 1 x 1.
template <class B>
variable<B> mean_squared_error(const variable<B>& a, const variable<B>& b) {
  detail::require_same_shape("mean_squared_error", a, b);
  require(a.size() > 0, "mean_squared_error: of no numbers, ", a.rows(), " x ", a.cols());
  return scale(sum(square(subtract(a, b))), 1.0 / static_cast<double>(a.size()));
}

}  // namespace gmoe
