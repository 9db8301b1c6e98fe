#pragma once
/// Rows scaled to sum or length one.

#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// w / (sum of w's row + epsilon): renormalised gate weights.
///     dw_j = (dy_j - <dy, y>) / (sum + epsilon)
template <class B>
variable<B> normalize_sums(const variable<B>& w, double epsilon) {
  const auto eps = static_cast<typename B::scalar>(epsilon);
  matrix<B> inverse(w.rows(), 1), y(w.rows(), w.cols());
  B::row_sums(inverse.view(), 0, 1, w.value().view());
  B::map(inverse.view(), 0, fn::inverse<typename B::scalar>{eps}, std::as_const(inverse).view());
  B::map_with_col(y.view(), 0, fn::times{}, w.value().view(), std::as_const(inverse).view());
  return make_result(
      std::move(y),
      [w = w.without_value(), inverse](const variable<B>& y, const matrix<B>& value) {
        const auto dy = std::as_const(y.gradient()).view();
        matrix<B> dots(w.rows(), 1), difference(w.rows(), w.cols());
        B::row_dots(dots.view(), 0, dy, value.view());
        B::map_with_col(difference.view(), 0, fn::minus{}, dy, std::as_const(dots).view());
        const auto [to, beta] = w.sink();
        B::map_with_col(to->view(), beta, fn::times{}, std::as_const(difference).view(), inverse.view());
      },
      w);
}

/// x / sqrt(|x|^2 + epsilon) for each row: unit vectors, for cosine routers.
///     dx = (dy - y <dy, y>) / |x|
template <class B>
variable<B> normalize_lengths(const variable<B>& x, double epsilon = 1e-12) {
  const auto eps = static_cast<typename B::scalar>(epsilon);
  matrix<B> inverse(x.rows(), 1), y(x.rows(), x.cols());
  B::row_dots(inverse.view(), 0, x.value().view(), x.value().view());
  B::map(inverse.view(), 0, fn::inverse_root<typename B::scalar>{eps}, std::as_const(inverse).view());
  B::map_with_col(y.view(), 0, fn::times{}, x.value().view(), std::as_const(inverse).view());
  return make_result(
      std::move(y),
      [x = x.without_value(), inverse](const variable<B>& y, const matrix<B>& value) {
        const auto dy = std::as_const(y.gradient()).view();
        matrix<B> dots(x.rows(), 1), along(x.rows(), x.cols());
        B::row_dots(dots.view(), 0, dy, value.view());
        B::map_with_col(along.view(), 0, fn::times{}, value.view(), std::as_const(dots).view());
        B::map(along.view(), 0, fn::minus{}, dy, std::as_const(along).view());
        const auto [to, beta] = x.sink();
        B::map_with_col(to->view(), beta, fn::times{}, std::as_const(along).view(), inverse.view());
      },
      x);
}

}  // namespace gmoe
