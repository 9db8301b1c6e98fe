#pragma once
/// Experts that compute nothing: a pool that mixes them with ordinary ones lets easy tokens cost little.

#include <optional>
#include <utility>
#include <vector>

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// Ordinary experts by `of`, and those of the pool's other kinds (MoE++, Jin et al. 2024; AdaMoE has `none` alone):
///     none: 0      copy: x      constant j: a_1 x + a_2 v_j  with  a = softmax(W_j x)
/// Only pairs of ordinary experts get hidden units.
template <class Body>
struct special_experts {
  using slot = slots::body;
  static constexpr bool mixes_kinds = true;
  Body of{};

  template <class B>
  struct weights {
    typename Body::template weights<B> ordinary;
    expert_units<B> pairs, rows;               ///< of every constant of the pool: two rows of `mix`, one of `value`
    std::optional<parameter<B>> mix, value{};  ///< W, 2 J x d, and v, J x d, where there are constants

    /// Parameters of expert e.
    index_t size(index_t e) const requires requires { ordinary.size(e); }
    { return ordinary.size(e) + (mix ? (pairs.of(e) + rows.of(e)) * mix->cols() : 0); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    std::vector<index_t> one(pool.widths.size()), two(pool.widths.size());
    for (std::size_t e = 0; e < pool.kinds.size(); ++e) two[e] = 2 * (one[e] = pool.kinds[e] == expert_kind::constant);
    weights<B> w{of.make_weights(make, pool), expert_units<B>(two), expert_units<B>(one), {}, {}};
    if (w.rows.total() == 0) return w;
    w.mix = make.normal("mix", w.pairs.total(), pool.d_model, pool.initializer_range);
    w.value = make.normal("value", w.rows.total(), pool.d_model, pool.initializer_range);
    return w;
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const own<typename Body::template weights<B>> ordinary{w.ordinary};
    if (r.pool->all_ordinary()) return of(at, x, r, ordinary);
    const routing<B> rest = part(r, expert_kind::ordinary);
    variable<B> y = of(at, x, rest, ordinary);
    if (r.pool->has(expert_kind::copy)) {
      const pair_groups<B> pairs(part(r, expert_kind::copy).pairs);
      y = add(y, combine_pairs(gather_pairs(x, pairs), r.weights, pairs));
    }
    if (!r.pool->has(expert_kind::constant)) return y;
    const routing<B> constants = part(r, expert_kind::constant);
    const pair_groups<B> pairs(constants.pairs);
    const variable<B> rows = gather_pairs(x, pairs);
    const variable<B> a = softmax_rows(
        grouped_matmul(rows, at.use(*w.mix), block_layout(w.pairs.layout(constants.visible)), pairs, op::transpose));
    const variable<B> v =
        grouped_matmul(columns_of(a, 1, 1), at.use(*w.value), block_layout(w.rows.layout(constants.visible)), pairs);
    return add(y, combine_pairs(add(multiply_col(rows, columns_of(a, 0, 1)), v), r.weights, pairs));
  }
  /// An expert for every token is an ordinary one.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const {
    return of.dense(ctx, x, w.ordinary);
  }

 private:
  template <class Weights>
  struct own {
    const Weights& weights;
  };
  /// The pairs of one kind as a routing over the experts of that kind; weights stay in their slots.
  template <class B>
  static routing<B> part(const routing<B>& r, expert_kind kind) {
    const seen_experts::group& those = r.pool->of(kind);
    routing<B> some = r;
    some.experts = std::ssize(those.ids);
    some.visible = expert_list(r.pool, &those.ids);
    some.kept =
        take_ids(id_matrix<B>::from_host(those.numbers, 1, r.experts), r.kept).reshaped(r.kept.rows(), r.kept.cols());
    some.pairs = sort_by_expert(some.kept, some.experts, {r.block, some.kept, r.pairs.from.rows});
    return some;
  }
};

}  // namespace gmoe
