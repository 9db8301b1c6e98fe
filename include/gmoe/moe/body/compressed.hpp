#pragma once
/// A token's best experts in full, a vector in place of each of the others (compressed experts, He et al. 2025; a
/// reconstruction).

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/block_layout.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// With the first `main` slots of a token in full and the others by what they make of those:
///     s = sum over the main pairs of w_e E_e(x)      y = s + s / (sum of their w_e) * (sum over the others of w_e c_e)
template <class Body>
struct compressed_experts {
  using slot = slots::body;
  Body of{};
  index_t main = 1;
  static constexpr auto fields = std::tuple{
      field{"main", &compressed_experts::main, "a token's best experts, which are computed in full", at_least(1)}};

  template <class B>
  struct weights {
    typename Body::template weights<B> own;
    index_t main = 1;
    expert_units<B> rows;   ///< of c: one for every expert
    parameter<B> stand_in;  ///< c: experts of the pool x d

    /// Parameters that a token meets which asks `asked` of these experts.
    double met_by(double asked, const std::vector<id_type>& seen) const {
      double all = 0;
      for (const id_type e : seen) all += static_cast<double>(own.size(e));
      const double full = std::min(asked, static_cast<double>(main));
      return full * all / static_cast<double>(seen.size()) + (asked - full) * static_cast<double>(stand_in.cols());
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return {of.make_weights(make, pool), main, expert_units<B>(std::vector<index_t>(pool.widths.size(), 1)),
            make.constant("stand_in", pool.experts(), pool.d_model, 1)};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const struct { const typename Body::template weights<B>& weights; } own{w.own};
    if (main >= r.kept.cols()) return of(at, x, r, own);
    const routing<B> best = slots_of(r, true), others = slots_of(r, false);
    const variable<B> s = of(at, x, best, own);
    const variable<B> each =
        r.weights ? r.weights : at.constant(matrix<B>::filled(r.kept.rows(), r.kept.cols(), typename B::scalar(1)));
    const variable<B> sum = row_sums(scatter_elements(each, best.kept, r.experts));
    const variable<B> mean = multiply_col(s, reciprocal(clamp(sum, 1e-9, std::numeric_limits<float>::max())));
    // A row of c for every pair: a product of 1 with the block of one row that each expert has.
    const pair_groups<B> pairs(others.pairs);
    const block_layout rows(w.rows.layout(r.visible));
    const variable<B> one = at.constant(matrix<B>::filled(pairs.rows, 1, typename B::scalar(1)));
    const variable<B> c = combine_pairs(grouped_matmul(one, at.use(w.stand_in), rows, pairs), r.weights, pairs);
    return add(s, multiply(mean, c));
  }
  /// An expert for every token is computed in full.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const {
    return of.dense(ctx, x, w.own);
  }

 private:
  /// The routing of a token's first `main` slots, or of the rest; weights stay in their slots.
  template <class B>
  routing<B> slots_of(const routing<B>& r, bool first) const {
    const index_t slots = r.kept.cols();
    recycled_vector<typename B::scalar> marks;
    for (index_t j = 0; j < slots; ++j) marks.push_back((j < main) == first ? 1 : 0);
    const variable<B> row(matrix<B>::from_host(marks, 1, slots));
    routing<B> some = r;
    some.kept = r.kept.clone();
    B::keep_where(some.kept.view(), repeat_rows(row, r.kept.rows()).value().view());
    some.pairs = sort_by_expert(some.kept, r.experts, {r.block, some.kept, r.pairs.from.rows});
    return some;
  }
};

}  // namespace gmoe
