#pragma once
/// Sums and means.

#include "gmoe/ops/elementwise.hpp"

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

/// Mean over the rows, 1 x cols.
template <class B>
variable<B> col_means(const variable<B>& x) {
  matrix<B> y(1, x.cols());
  const auto factor = static_cast<typename B::scalar>(1.0 / static_cast<double>(x.rows()));
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

}  // namespace gmoe
