#pragma once
/// Softmax, cross entropy and its gradient in place, a team per row.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/softmax.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct cross_entropy_row {
  matrix_view<S> logits, loss;
  const id_type* target;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    S* const row = logits.row(i);
    const id_type t = target[i];
    const S aimed = t == no_target ? S(0) : row[t];  // read before the reduction, overwritten after it
    const S top = largest_of(team, row, logits.cols);
    const S sum = exp_and_sum(team, row, row, logits.cols, top);
    if (team.leads()) loss(i, 0) = t == no_target ? S(0) : fn::log(sum) + top - aimed;
    scale_span(team, row, logits.cols, S(1) / sum);
  }
};

template <class S>
struct cross_entropy_row_backward {
  matrix_view<S> p;
  const id_type* target;
  S factor;
  const S* upstream;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const id_type t = target[i];
    const S g = factor * *upstream;
    for (index_t j = team.first(); j < p.cols; j += team.step())
      p(i, j) = t == no_target ? S(0) : g * p(i, j) - (j == t ? g : S(0));
  }
};

template <class S>
struct cross_entropy_kernels {
  /// Replaces each row of logits by its softmax; loss (T x 1) = -log p[target], 0 where the target is `no_target`.
  static void cross_entropy(matrix_view<S> logits, matrix_view<S> loss, matrix_view<const id_type> target) {
    for_each_row(logits.rows, logits.cols, cross_entropy_row<S>{logits, loss, target.data});
  }
  /// Replaces the probabilities by factor * upstream * (p - one_hot(target)); rows without target become zero.
  static void cross_entropy_backward(matrix_view<S> p, matrix_view<const id_type> target, S factor,
                                     matrix_view<const S> upstream) {
    for_each_row(p.rows, p.cols, cross_entropy_row_backward<S>{p, target.data, factor, upstream.data});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
