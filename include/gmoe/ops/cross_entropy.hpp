#pragma once
/// Next-token loss: mean of -log softmax(logits)[target] over the positions that have a target.

#include <algorithm>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// Mean cross entropy of `logits` (T x V), 1 x 1, in nats. `scored` is the number of rows with a target.
template <class B>
variable<B> cross_entropy(const variable<B>& logits, const id_matrix<B>& targets, index_t scored) {
  require(targets.size() == logits.rows(), "cross_entropy: ", targets.size(), " targets for ", logits.rows(), " rows");
  matrix<B> p = logits.value().clone(), losses(logits.rows(), 1), mean(1, 1);
  B::cross_entropy(p.view(), losses.view(), targets.view());
  const auto factor = static_cast<typename B::scalar>(1.0 / static_cast<double>(std::max<index_t>(scored, 1)));
  B::sum(mean.view(), 0, factor, std::as_const(losses).view());
  return make_result(
      std::move(mean),
      [logits, p, targets, factor](const variable<B>& y) mutable {
        B::cross_entropy_backward(p.view(), targets.view(), factor, std::as_const(y.gradient()).view());
        logits.add_gradient(p);
      },
      logits);
}

/// The same of logits = x w' (x: T x d, w: V x d, the tied head) without a second buffer of logits: the softmax
/// replaces the logits, its gradient the softmax. Above `limit` elements the logits are made in pieces of rows and
/// made again in the backward pass, so that T x V numbers never exist at once.
template <class B>
variable<B> linear_cross_entropy(const variable<B>& x, const variable<B>& w, const id_matrix<B>& targets,
                                 index_t scored, index_t limit = index_t{1} << 26) {
  using scalar = typename B::scalar;
  require(x.cols() == w.cols(), "linear_cross_entropy: input of ", x.cols(), " columns for a head of ", w.cols());
  require(targets.size() == x.rows(), "linear_cross_entropy: ", targets.size(), " targets for ", x.rows(), " rows");
  const index_t tokens = x.rows(), vocab = w.rows();
  const bool recorded = tape_of(x, w) != nullptr;
  const index_t piece = recorded && tokens * vocab <= limit ? tokens : std::min<index_t>(tokens, 512);
  const auto factor = static_cast<scalar>(1.0 / static_cast<double>(std::max<index_t>(scored, 1)));

  matrix<B> p(piece, vocab), losses(tokens, 1), mean(1, 1);
  const auto logits_of = [](matrix<B>& to, const variable<B>& x, const variable<B>& w, index_t first, index_t count) {
    B::gemm(op::none, op::transpose, 1, x.value().view().row_block(first, count), w.value().view(), 0,
            to.view().row_block(0, count));
  };
  const auto targets_of = [](const id_matrix<B>& all, index_t first, index_t count) {
    return matrix_view<const id_type>{all.data() + first, 1, count, count};
  };
  for (index_t first = 0; first < tokens; first += piece) {
    const index_t count = std::min(piece, tokens - first);
    logits_of(p, x, w, first, count);
    B::cross_entropy(p.view().row_block(0, count), losses.view().row_block(first, count),
                     targets_of(targets, first, count));
  }
  B::sum(mean.view(), 0, factor, std::as_const(losses).view());

  const bool whole = piece == tokens;
  if (!whole) p = matrix<B>();
  return make_result(
      std::move(mean),
      [=](const variable<B>& y) mutable {
        if (!whole) p = matrix<B>(piece, vocab);
        const gradient_sink<B> dx = x.needs_gradient() ? x.sink() : gradient_sink<B>{};
        for (index_t first = 0; first < tokens; first += piece) {
          const index_t count = std::min(piece, tokens - first);
          const auto target = targets_of(targets, first, count);
          const auto rows = p.view().row_block(0, count);
          if (!whole) {
            logits_of(p, x, w, first, count);
            B::softmax_rows(rows, matrix_view<const scalar>(rows));
          }
          B::cross_entropy_backward(rows, target, factor, std::as_const(y.gradient()).view());
          const matrix_view<const scalar> d_logits = rows;
          if (dx.to)
            B::gemm(op::none, op::none, 1, d_logits, w.value().view(), dx.beta, dx.to->view().row_block(first, count));
          if (w.needs_gradient()) {
            const auto [to, beta] = w.sink();
            B::gemm(op::transpose, op::none, 1, d_logits, x.value().view().row_block(first, count), beta, to->view());
          }
        }
      },
      x, w);
}

}  // namespace gmoe
