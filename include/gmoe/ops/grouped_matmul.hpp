#pragma once
/// Products of rows in groups, each group with a matrix of its own.

#include <type_traits>
#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/ops/block_layout.hpp"

namespace gmoe {

namespace detail {

/// dW_g = a_g' b_g into the gradient of w: written where it is the first and the groups have all of w, else added.
template <class B>
void add_block_gradients(const variable<B>& w, matrix_view<const typename B::scalar> a,
                         matrix_view<const typename B::scalar> b, const block_layout& blocks,
                         const row_ranges& groups) {
  using scalar = typename B::scalar;
  if (!blocks.is_whole(w.rows()))
    return B::grouped_weight_gradient(a, b, scalar(1), blocks.over(w.zeroed_sink().view()), groups);
  const auto [to, beta] = w.sink();
  B::grouped_weight_gradient(a, b, beta, blocks.over(to->view()), groups);
}

template <class B>
void require_blocks(const char* what, const variable<B>& w, const block_layout& blocks, index_t groups) {
  require(blocks.groups() == groups, what, ": rows in ", groups, " groups for blocks of ", blocks.groups());
  require(blocks.end() <= w.rows(), what, ": blocks up to row ", blocks.end(), " of a matrix of ", w.rows(), " rows");
}

}  // namespace detail

/// y_g = x_g op(W_g) for the rows of each group g; W_g is the group's block of rows of `w`.
///     none: x is P x widest, y is P x w.cols(); of x as many columns are read as the block has rows
///     transpose: x is P x w.cols(), y is P x widest; columns beyond the block's rows are zeros
///     dx_g = dy_g op(W_g)'      dW_g = x_g' dy_g, transposed where W_g is
template <class B>
variable<B> grouped_matmul(const variable<B>& x, const variable<B>& w, const block_layout& blocks,
                           const std::type_identity_t<row_groups<B>>& groups, op op_w = op::none) {
  const bool lies = op_w == op::none;
  const index_t depth = lies ? blocks.widest() : w.cols(), width = lies ? w.cols() : blocks.widest();
  detail::require_blocks("grouped_matmul", w, blocks, groups.groups);
  require(x.rows() == groups.rows && x.cols() == depth, "grouped_matmul: expected an input of ", groups.rows, " x ",
          depth, ", got ", x.rows(), " x ", x.cols());
  matrix<B> y(x.rows(), width);
  B::grouped_gemm(op_w, x.value().view(), blocks.over(w.value().view()), 0, y.view(), groups.ranges());
  return make_result(
      std::move(y),
      [x, w, blocks, groups, lies](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::grouped_gemm(lies ? op::transpose : op::none, dy, blocks.over(w.value().view()), beta, to->view(),
                          groups.ranges());
        }
        if (w.needs_gradient())
          detail::add_block_gradients(w, lies ? x.value().view() : dy, lies ? dy : x.value().view(), blocks,
                                      groups.ranges());
      },
      x, w);
}

}  // namespace gmoe
