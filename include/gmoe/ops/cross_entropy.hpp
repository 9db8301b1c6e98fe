#pragma once
/// Next-token loss: mean of -log softmax(logits)[target] over the positions that have a target.

#include <algorithm>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// Mean cross entropy of `logits` (T x V), 1 x 1, in nats. `scored` is the number of rows with a target.
template <class B>
variable<B> cross_entropy(const variable<B>& logits, const id_matrix<B>& targets, index_t scored) {
  using scalar = typename B::scalar;
  require(targets.size() == logits.rows(), "cross_entropy: ", targets.size(), " targets for ", logits.rows(), " rows");
  const bool recorded = tape_of(logits) != nullptr;
  matrix<B> gradient = recorded ? logits.value().clone() : matrix<B>(), losses(logits.rows(), 1), mean(1, 1);
  const auto factor = static_cast<scalar>(1.0 / static_cast<double>(std::max<index_t>(scored, 1)));
  if (recorded)
    B::cross_entropy_with_gradient(gradient.view(), losses.view(), targets.view(), factor);
  else
    B::cross_entropy(losses.view(), logits.value().view(), targets.view());
  B::sum(mean.view(), 0, factor, std::as_const(losses).view());
  return make_result(
      std::move(mean),
      [logits = logits.without_value(), gradient](const variable<B>& y) mutable {
        const matrix<B> dy = detail::repeated<B>(y.gradient(), logits.rows());
        B::map_with_col(gradient.view(), 0, fn::times{}, std::as_const(gradient).view(), dy.view());
        logits.add_gradient(gradient);
      },
      logits);
}

/// The same of logits = x w' (x: T x d, w: V x d, the tied head) with one buffer of logits, which their gradient
/// replaces while a row is in cache. Above `limit` elements the logits are made in pieces of rows and made again in the
/// backward pass, so that T x V numbers never exist at once.
template <class B>
variable<B> linear_cross_entropy(const variable<B>& x, const variable<B>& w, const id_matrix<B>& targets,
                                 index_t scored, index_t limit = index_t{1} << 26) {
  using scalar = typename B::scalar;
  require(x.cols() == w.cols(), "linear_cross_entropy: input of ", x.cols(), " columns for a head of ", w.cols());
  require(targets.size() == x.rows(), "linear_cross_entropy: ", targets.size(), " targets for ", x.rows(), " rows");
  const index_t tokens = x.rows(), vocab = w.rows();
  const bool recorded = tape_of(x, w) != nullptr;
  const bool whole = recorded && tokens * vocab <= limit;
  const index_t piece = whole ? tokens : std::min<index_t>(tokens, 512);
  const auto factor = static_cast<scalar>(1.0 / static_cast<double>(std::max<index_t>(scored, 1)));

  matrix<B> logits(piece, vocab), losses(tokens, 1), mean(1, 1);
  const auto logits_of = [](matrix<B>& to, const variable<B>& x, const variable<B>& w, index_t first, index_t count) {
    B::gemm(op::none, op::transpose, 1, x.value().view().row_block(first, count), w.value().view(), 0,
            to.view().row_block(0, count));
  };
  const auto targets_of = [](const id_matrix<B>& all, index_t first, index_t count) {
    return matrix_view<const id_type>{all.data() + first, 1, count, count};
  };
  for (index_t first = 0; first < tokens; first += piece) {
    const index_t count = std::min(piece, tokens - first);
    logits_of(logits, x, w, first, count);
    const auto rows = logits.view().row_block(0, count), loss = losses.view().row_block(first, count);
    if (whole)
      B::cross_entropy_with_gradient(rows, loss, targets_of(targets, first, count), factor);
    else
      B::cross_entropy(loss, matrix_view<const scalar>(rows), targets_of(targets, first, count));
  }
  B::sum(mean.view(), 0, factor, std::as_const(losses).view());

  if (!whole) logits = matrix<B>();
  return make_result(
      std::move(mean),
      [=](const variable<B>& y) mutable {
        if (!whole) logits = matrix<B>(piece, vocab);
        // The gradient of the mean is in `logits` up to the factor dy, which the smaller matrices take: T x d each.
        const matrix<B> dy = detail::repeated<B>(y.gradient(), piece);
        matrix<B> losses(whole ? 0 : piece, 1), product(x.needs_gradient() ? piece : 0, x.cols()),
            scaled_x(w.needs_gradient() ? piece : 0, x.cols());
        const gradient_sink<B> dx = x.needs_gradient() ? x.sink() : gradient_sink<B>{};
        for (index_t first = 0; first < tokens; first += piece) {
          const index_t count = std::min(piece, tokens - first);
          const auto rows = logits.view().row_block(0, count);
          const auto factors = dy.view().row_block(0, count);
          if (!whole) {
            logits_of(logits, x, w, first, count);
            B::cross_entropy_with_gradient(rows, losses.view().row_block(0, count), targets_of(targets, first, count),
                                           factor);
          }
          const matrix_view<const scalar> d_logits = rows;
          if (dx.to) {
            const auto to = product.view().row_block(0, count);
            B::gemm(op::none, op::none, 1, d_logits, w.value().view(), 0, to);
            B::map_with_col(dx.to->view().row_block(first, count), dx.beta, fn::times{}, matrix_view<const scalar>(to),
                            factors);
          }
          if (w.needs_gradient()) {
            const auto right = scaled_x.view().row_block(0, count);
            B::map_with_col(right, 0, fn::times{}, x.value().view().row_block(first, count), factors);
            const auto [to, beta] = w.sink();
            B::gemm(op::transpose, op::none, 1, d_logits, matrix_view<const scalar>(right), beta, to->view());
          }
        }
      },
      x, w);
}

}  // namespace gmoe
