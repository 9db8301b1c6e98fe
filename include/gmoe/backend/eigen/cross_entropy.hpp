#pragma once
/// Cross entropy of softmax(logits), by itself or with its gradient in the place of the logits: a row is read from
/// memory once, and written once at most.

#include <cmath>

#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/softmax.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct cross_entropy_kernels {
  using ids = matrix_view<const id_type>;

  /// loss (T x 1) = -log softmax(logits)[target], 0 where the target is `no_target`.
  static void cross_entropy(matrix_view<S> loss, matrix_view<const S> logits, ids target) {
    parallel_ranges(logits.rows, row_grain(4 * logits.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S* const row = logits.row(i);
        const id_type t = target.data[i];
        const S top = largest(row, logits.cols);
        loss(i, 0) = t == no_target ? S(0) : std::log(sum_of_exp(row, logits.cols, top)) + top - row[t];
      }
    });
  }

  /// The same, and replaces the logits by factor (softmax - one_hot(target)), the gradient of factor times the sum of
  /// the losses; rows without target become zero.
  static void cross_entropy_with_gradient(matrix_view<S> logits, matrix_view<S> loss, ids target, S factor) {
    parallel_ranges(logits.rows, row_grain(4 * logits.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        S* const row = logits.row(i);
        const id_type t = target.data[i];
        if (t == no_target) {
          loss(i, 0) = S(0);
          std::fill_n(row, logits.cols, S(0));
          continue;
        }
        const S aimed = row[t], top = largest(row, logits.cols);
        const S sum = exp_and_sum(row, row, logits.cols, S(1), top);
        loss(i, 0) = std::log(sum) + top - aimed;
        scale_span(row, logits.cols, factor / sum);
        row[t] -= factor;
      }
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
