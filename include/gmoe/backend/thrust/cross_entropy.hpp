#pragma once
/// Cross entropy, by itself or with its gradient in the place of the logits, a team per row.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/softmax.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct cross_entropy_row {
  matrix_view<S> loss;
  matrix_view<const S> logits;
  const id_type* target;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const row = logits.row(i);
    const id_type t = target[i];
    const S top = largest_of(team, row, logits.cols);
    S part = 0;
    for (index_t j = team.first(); j < logits.cols; j += team.step()) part += fn::exp(row[j] - top);
    const S sum = team.sum(part);
    if (team.leads()) loss(i, 0) = t == no_target ? S(0) : fn::log(sum) + top - row[t];
  }
};

template <class S>
struct cross_entropy_row_with_gradient {
  matrix_view<S> logits, loss;
  const id_type* target;
  S factor;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S* const row = logits.row(i);
    const id_type t = target[i];
    const S aimed = t == no_target ? S(0) : row[t];  // read before the reduction, overwritten after it
    const S top = largest_of(team, row, logits.cols);
    const S sum = exp_and_sum(team, row, row, logits.cols, top);
    if (team.leads()) loss(i, 0) = t == no_target ? S(0) : fn::log(sum) + top - aimed;
    const S scale = factor / sum;
    for (index_t j = team.first(); j < logits.cols; j += team.step())
      row[j] = t == no_target ? S(0) : scale * row[j] - (j == t ? factor : S(0));
  }
};

template <class S>
struct cross_entropy_kernels {
  using ids = matrix_view<const id_type>;

  /// loss (T x 1) = -log softmax(logits)[target], 0 where the target is `no_target`.
  static void cross_entropy(matrix_view<S> loss, matrix_view<const S> logits, ids target) {
    for_each_row(logits.rows, logits.cols, cross_entropy_row<S>{loss, logits, target.data});
  }
  /// The same, and replaces the logits by factor (softmax - one_hot(target)); rows without target become zero.
  static void cross_entropy_with_gradient(matrix_view<S> logits, matrix_view<S> loss, ids target, S factor) {
    for_each_row(logits.rows, logits.cols, cross_entropy_row_with_gradient<S>{logits, loss, target.data, factor});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
