#pragma once
/// Matrix products.

#include "gmoe/backend/arguments.hpp"
#include "gmoe/ops/elementwise.hpp"

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
          if (op_b == op::none) B::gemm(op::transpose, op::none, 1, a.value().view(), dy, beta, to->view());
          else B::gemm(op::transpose, op::none, 1, dy, a.value().view(), beta, to->view());
        }
      },
      a, b);
}

}  // namespace gmoe
