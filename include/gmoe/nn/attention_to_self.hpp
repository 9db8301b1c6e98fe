#pragma once
/// How much of its attention a token keeps for itself.

#include <cmath>
#include <limits>
#include <vector>

#include "gmoe/nn/causal_attention.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe::nn {

/// F x heads: what attention_cached has divided the probabilities of its F fresh rows by, as causal_attention's
/// log_sums. `past` rows were in the cache before.
template <class B>
matrix<B> log_sums_of_cached(const matrix<B>& q, const matrix<B>& keys, index_t past, index_t heads) {
  using scalar = typename B::scalar;
  const index_t fresh = q.rows(), head = q.cols() / heads, seen = past + fresh;
  variable<B> hidden;  // 0 for what a row sees, else minus infinity
  if (fresh > 1) {
    std::vector<scalar> later(static_cast<std::size_t>(fresh * seen), 0);
    for (index_t i = 0; i < fresh; ++i)
      for (index_t j = past + i + 1; j < seen; ++j)
        later[static_cast<std::size_t>(i * seen + j)] = -std::numeric_limits<scalar>::infinity();
    hidden = variable<B>(matrix<B>::from_host(later, fresh, seen));
  }
  const variable<B> known = rows_of(variable<B>(keys), 0, seen), asks(q);
  variable<B> all;
  for (index_t h = 0; h < heads; ++h) {
    const variable<B> scores =
        scale(matmul(columns_of(asks, h * head, head), columns_of(known, h * head, head), op::transpose),
              1.0 / std::sqrt(static_cast<double>(head)));
    const variable<B> sums = log_sum_exp_rows(hidden ? add(scores, hidden) : scores);
    all = all ? concat_cols(all, sums) : sums;
  }
  return all.value();
}

/// T x 1: a token's probability of itself, before dropout, the mean over the heads: mean_h P_tt. No derivative.
///     P_tt = exp(q_t k_t' / sqrt(head) - log_sum_t)
template <class B>
matrix<B> attention_to_self(const context<B>& ctx, const typename causal_attention<B>::on_the_way& made,
                            index_t heads) {
  const variable<B> qkv(made.qkv.value());
  const index_t rows = qkv.rows(), d = qkv.cols() / 3;
  const variable<B> q = columns_of(qkv, 0, d), k = columns_of(qkv, d, d);
  const matrix<B> sums = ctx.cache
                             ? log_sums_of_cached<B>(q.value(), ctx.cache->keys[static_cast<std::size_t>(ctx.block)],
                                                     ctx.cache->length, heads)
                             : made.log_sums;
  const variable<B> scores = scale(reshape(row_sums(reshape(multiply(q, k), rows * heads, d / heads)), rows, heads),
                                   1.0 / std::sqrt(static_cast<double>(d / heads)));
  return scale(row_sums(exp(subtract(scores, variable<B>(sums)))), 1.0 / static_cast<double>(heads)).value();
}

}  // namespace gmoe::nn
