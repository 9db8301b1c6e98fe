#pragma once
/// Outer products row by row, and matrices of a row applied to its vector: weights that depend on the token.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// y(t, i n + j) = a(t, i) b(t, j): T x m and T x n become T x (m n).
///     da(t, i) = sum_j dy(t, i n + j) b(t, j)      db(t, j) = sum_i dy(t, i n + j) a(t, i)
template <class B>
variable<B> outer_rows(const variable<B>& a, const variable<B>& b) {
  require(a.rows() == b.rows(), "outer_rows: ", a.rows(), " and ", b.rows(), " rows");
  matrix<B> y(a.rows(), a.cols() * b.cols());
  B::outer_rows(y.view(), 0, a.value().view(), b.value().view());
  return make_result(
      std::move(y),
      [a, b](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (a.needs_gradient()) {
          const auto [to, beta] = a.sink();
          B::contract_rows(to->view(), beta, dy, b.value().view());
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          B::contract_rows_left(to->view(), beta, dy, a.value().view());
        }
      },
      a, b);
}

/// y(t, i) = sum_j x(t, i n + j) b(t, j): row t of x (T x m n) is an m x n matrix, applied to row t of b (T x n).
///     dx(t, i n + j) = dy(t, i) b(t, j)      db(t, j) = sum_i dy(t, i) x(t, i n + j)
template <class B>
variable<B> contract_rows(const variable<B>& x, const variable<B>& b) {
  require(x.rows() == b.rows() && b.cols() >= 1 && x.cols() % b.cols() == 0, "contract_rows: ", x.rows(), " x ",
          x.cols(), " is not ", b.rows(), " matrices of ", b.cols(), " columns");
  matrix<B> y(x.rows(), x.cols() / b.cols());
  B::contract_rows(y.view(), 0, x.value().view(), b.value().view());
  return make_result(
      std::move(y),
      [x, b](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::outer_rows(to->view(), beta, dy, b.value().view());
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          B::contract_rows_left(to->view(), beta, x.value().view(), dy);
        }
      },
      x, b);
}

}  // namespace gmoe
