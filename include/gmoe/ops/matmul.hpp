#pragma once
/// Matrix products.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

/// a op(b): with op::transpose, `b` is stored (out x in) and y = a b', the usual linear layer.
///     dy/da: da = dy op(b)'      db = a' dy, transposed where b is
template <class B>
variable<B> matmul(const variable<B>& a, const variable<B>& b, op op_b = op::none) {
  const index_t depth = op_b == op::none ? b.rows() : b.cols();
  const index_t width = op_b == op::none ? b.cols() : b.rows();
  require(a.cols() == depth, "matmul: inner sizes differ, ", a.rows(), " x ", a.cols(), " times ", depth, " x ", width);
  matrix<B> y(a.rows(), width);
  B::gemm(op::none, op_b, 1, a.value().view(), b.value().view(), 0, y.view());
  return make_result(
      std::move(y),
      [a, b, op_b](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (a.needs_gradient()) {
          const auto [to, beta] = a.sink();
          B::gemm(op::none, op_b == op::none ? op::transpose : op::none, 1, dy, b.value().view(), beta, to->view());
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          if (op_b == op::none)
            B::gemm(op::transpose, op::none, 1, a.value().view(), dy, beta, to->view());
          else
            B::gemm(op::transpose, op::none, 1, dy, a.value().view(), beta, to->view());
        }
      },
      a, b);
}

/// [a | b] w', without putting a and b side by side: w is out x (a's columns + b's).
///     da = dy w_a      db = dy w_b      dw = [dy' a | dy' b]
template <class B>
variable<B> matmul_side_by_side(const variable<B>& a, const variable<B>& b, const variable<B>& w) {
  const index_t n = a.cols(), m = b.cols();
  require(a.rows() == b.rows() && w.cols() == n + m, "matmul_side_by_side: inputs of ", a.rows(), " x ", n, " and ",
          b.rows(), " x ", m, " for weights of ", w.cols(), " columns");
  matrix<B> y(a.rows(), w.rows());
  const auto weights = w.value().view();
  B::gemm(op::none, op::transpose, 1, a.value().view(), weights.col_block(0, n), 0, y.view());
  B::gemm(op::none, op::transpose, 1, b.value().view(), weights.col_block(n, m), 1, y.view());
  return make_result(
      std::move(y),
      [a, b, w, n, m](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        const auto pull = [&](const variable<B>& x, index_t first, index_t cols) {
          if (!x.needs_gradient()) return;
          const auto [to, beta] = x.sink();
          B::gemm(op::none, op::none, 1, dy, w.value().view().col_block(first, cols), beta, to->view());
        };
        pull(a, 0, n);
        pull(b, n, m);
        if (w.needs_gradient()) {
          const auto [to, beta] = w.sink();
          B::gemm(op::transpose, op::none, 1, dy, a.value().view(), beta, to->view().col_block(0, n));
          B::gemm(op::transpose, op::none, 1, dy, b.value().view(), beta, to->view().col_block(n, m));
        }
      },
      a, b, w);
}

/// x w + bias: w (in x out), bias (1 x out) added to every row in the product's own memory.
///     dx = dy w'      dw = x' dy      dbias = column sums of dy
template <class B>
variable<B> affine(const variable<B>& x, const variable<B>& w, const variable<B>& bias) {
  require(x.cols() == w.rows(), "affine: inner sizes differ, ", x.rows(), " x ", x.cols(), " times ", w.rows(), " x ",
          w.cols());
  require(bias.rows() == 1 && bias.cols() == w.cols(), "affine: expected a bias of 1 x ", w.cols(), ", got ",
          bias.rows(), " x ", bias.cols());
  matrix<B> y(x.rows(), w.cols());
  B::gemm(op::none, op::none, 1, x.value().view(), w.value().view(), 0, y.view());
  B::map_with_row(y.view(), 0, fn::plus{}, std::as_const(y).view(), bias.value().view());
  return make_result(
      std::move(y),
      [x, w, bias = bias.without_value()](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (bias.needs_gradient()) {
          const auto [to, beta] = bias.sink();
          B::col_sums(to->view(), beta, 1, dy);
        }
        if (w.needs_gradient()) {
          const auto [to, beta] = w.sink();
          B::gemm(op::transpose, op::none, 1, x.value().view(), dy, beta, to->view());
        }
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::gemm(op::none, op::transpose, 1, dy, w.value().view(), beta, to->view());
        }
      },
      x, w, bias);
}

}  // namespace gmoe
