#pragma once
/// Softmax, cross entropy and its gradient in place: one buffer of logits, one read and one write of it each way.

#include <cmath>

#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/softmax.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen {

template <class S>
struct cross_entropy_kernels {
  /// Replaces each row of logits by its softmax; loss (T x 1) = -log p[target], 0 where the target is `no_target`.
  static void cross_entropy(matrix_view<S> logits, matrix_view<S> loss, matrix_view<const id_type> target) {
    parallel_ranges(logits.rows, row_grain(4 * logits.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        S* const row = logits.row(i);
        const id_type t = target.data[i];
        const S aimed = t == no_target ? S(0) : row[t];
        const S top = largest(row, logits.cols);
        const S sum = exp_and_sum(row, row, logits.cols, S(1), top);
        loss(i, 0) = t == no_target ? S(0) : std::log(sum) + top - aimed;
        scale_span(row, logits.cols, S(1) / sum);
      }
    });
  }

  /// Replaces the probabilities by factor * upstream * (p - one_hot(target)); rows without target become zero.
  static void cross_entropy_backward(matrix_view<S> p, matrix_view<const id_type> target, S factor,
                                     matrix_view<const S> upstream) {
    const S g = factor * upstream(0, 0);
    parallel_ranges(p.rows, row_grain(p.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const id_type t = target.data[i];
        if (t == no_target) {
          std::fill_n(p.row(i), p.cols, S(0));
        } else {
          scale_span(p.row(i), p.cols, g);
          p(i, t) -= g;
        }
      }
    });
  }
};

}  // namespace gmoe::eigen
