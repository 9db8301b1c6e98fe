#pragma once
/// Products of equal blocks: a batch of small matrices, one below the other.

#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"

namespace gmoe {

/// y_i = op(a_i) op(b_i) for each of `count` blocks of rows of a and b, such as sequences. Soft mixtures fill their
/// slots by batched_matmul(D, x, S, op::transpose) and empty them by batched_matmul(C, slots, S).
///     da_i = dy_i op(b_i)', transposed where a is      db_i = op(a_i)' dy_i, transposed where b is
template <class B>
variable<B> batched_matmul(const variable<B>& a, const variable<B>& b, index_t count, op op_a = op::none,
                           op op_b = op::none) {
  require(count >= 1 && a.rows() % count == 0 && b.rows() % count == 0, "batched_matmul: ", a.rows(), " and ", b.rows(),
          " rows do not make ", count, " equal blocks");
  const auto height = [count](const variable<B>& v, op o) { return o == op::none ? v.rows() / count : v.cols(); };
  const auto width = [count](const variable<B>& v, op o) { return o == op::none ? v.cols() : v.rows() / count; };
  require(width(a, op_a) == height(b, op_b), "batched_matmul: inner sizes differ, ", height(a, op_a), " x ",
          width(a, op_a), " times ", height(b, op_b), " x ", width(b, op_b));
  matrix<B> y(count * height(a, op_a), width(b, op_b));
  B::batched_gemm(op_a, op_b, a.value().view(), b.value().view(), 0, y.view(), count);
  return make_result(
      std::move(y),
      [a, b, count, op_a, op_b](const variable<B>& y) {
        constexpr auto other = [](op o) { return o == op::none ? op::transpose : op::none; };
        const auto dy = std::as_const(y.gradient()).view();
        if (a.needs_gradient()) {
          const auto [to, beta] = a.sink();
          if (op_a == op::none)
            B::batched_gemm(op::none, other(op_b), dy, b.value().view(), beta, to->view(), count);
          else
            B::batched_gemm(op_b, op::transpose, b.value().view(), dy, beta, to->view(), count);
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          if (op_b == op::none)
            B::batched_gemm(other(op_a), op::none, a.value().view(), dy, beta, to->view(), count);
          else
            B::batched_gemm(op::transpose, op_a, dy, a.value().view(), beta, to->view(), count);
        }
      },
      a, b);
}

}  // namespace gmoe
