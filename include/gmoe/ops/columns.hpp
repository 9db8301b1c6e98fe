#pragma once
/// Operations over the rows of each column: over all tokens, or over those of each sequence. Made of the operations
/// over rows and a transposition.

#include <algorithm>

#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// Every `group` rows of x (groups group x N) transposed: groups N x group; row g N + j is column j of group g.
///     dx = dy, transposed back
template <class B>
variable<B> transpose_groups(const variable<B>& x, index_t group) {
  require(group >= 1 && x.rows() % group == 0, "transpose_groups: groups of ", group, " rows among ", x.rows());
  matrix<B> y(x.rows() / group * x.cols(), group);
  B::transpose_groups(y.view(), 0, x.value().view(), group);
  return make_result(
      std::move(y),
      [x = x.without_value()](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::transpose_groups(to->view(), beta, std::as_const(y.gradient()).view(), x.cols());
      },
      x);
}

/// x'
template <class B>
variable<B> transpose(const variable<B>& x) {
  return x.rows() > 0 ? transpose_groups(x, x.rows()) : reshape(x, x.cols(), 0);
}

/// Softmax over the rows of each group, column by column: Soft MoE's dispatch weights, where groups are sequences.
template <class B>
variable<B> softmax_cols(const variable<B>& z, index_t group) {
  return transpose_groups(softmax_rows(transpose_groups(z, group)), z.cols());
}
/// Over all rows.
template <class B>
variable<B> softmax_cols(const variable<B>& z) {
  return softmax_cols(z, std::max<index_t>(z.rows(), 1));
}

/// log of the sum of exp(z) over the rows of each group, column by column: groups x N.
template <class B>
variable<B> log_sum_exp_cols(const variable<B>& z, index_t group) {
  return reshape(log_sum_exp_rows(transpose_groups(z, group)), z.rows() / group, z.cols());
}
/// Over all rows, of which there must be some: 1 x N.
template <class B>
variable<B> log_sum_exp_cols(const variable<B>& z) {
  return log_sum_exp_cols(z, z.rows());
}

/// w / (sum of w over its group's rows in its column + epsilon): one half of a step of Sinkhorn's, the other is
/// normalize_sums.
template <class B>
variable<B> normalize_col_sums(const variable<B>& w, double epsilon, index_t group) {
  return transpose_groups(normalize_sums(transpose_groups(w, group), epsilon), w.cols());
}
/// Over all rows.
template <class B>
variable<B> normalize_col_sums(const variable<B>& w, double epsilon) {
  return normalize_col_sums(w, epsilon, std::max<index_t>(w.rows(), 1));
}

}  // namespace gmoe
