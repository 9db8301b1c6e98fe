#pragma once
/// Columns in groups of `n` neighbours, such as the slots or the copies of an expert: x is T x (G n), group g has the
/// columns g n, ..., g n + n - 1.

#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

namespace detail {
/// A row for every group, T G x n.
template <class B>
variable<B> groups_as_rows(const char* what, const variable<B>& x, index_t n) {
  require(n >= 1 && x.cols() % n == 0, what, ": groups of ", n, " columns among ", x.cols());
  return reshape(x, x.rows() * (x.cols() / n), n);
}
}  // namespace detail

/// Sum of each group of n columns, T x G.
template <class B>
variable<B> group_sums(const variable<B>& x, index_t n) {
  return reshape(row_sums(detail::groups_as_rows("group_sums", x, n)), x.rows(), x.cols() / n);
}

/// Mean of each group of n columns, T x G.
template <class B>
variable<B> group_means(const variable<B>& x, index_t n) {
  require(n >= 1, "group_means: groups of ", n, " columns among ", x.cols());
  return scale(group_sums(x, n), 1.0 / static_cast<double>(n));
}

/// log of the sum of exp(x) of each group of n columns, T x G.
template <class B>
variable<B> group_log_sum_exp(const variable<B>& x, index_t n) {
  return reshape(log_sum_exp_rows(detail::groups_as_rows("group_log_sum_exp", x, n)), x.rows(), x.cols() / n);
}

/// Each column n times, side by side: T x G becomes T x (G n), what spreads a group's number over its members.
template <class B>
variable<B> group_repeat(const variable<B>& x, index_t n) {
  require(n >= 1, "group_repeat: ", n, " copies");
  return reshape(repeat_cols(reshape(x, x.size(), 1), n), x.rows(), x.cols() * n);
}

}  // namespace gmoe
