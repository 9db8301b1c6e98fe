#pragma once
/// Gated experts that see a token through a projection which they share (MoLAE, Liu et al. 2025).

#include <algorithm>
#include <cstddef>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/expert_groups.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/block_layout.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// E_i(x) = W_out,i' (act(A_gate,i B_gate x) * (A_up,i B_up x)), B: r x d, of the group that expert i is in.
///
/// Where a layer sees one group, B x is made once for every token; where it sees several, once for every pair.
template <class Activation>
struct latent_expert {
  using slot = slots::body;
  index_t rank = 0;   ///< r
  index_t group = 0;  ///< experts that share their B
  static constexpr auto fields = std::tuple{
      field{"rank", &latent_expert::rank, "r: numbers of what experts see of a token; 0: half of d_model", at_least(0)},
      field{"group", &latent_expert::group, "experts that share a projection; 0: all of a layer", at_least(0)}};

  template <class B>
  struct weights {
    expert_units<B> units;
    expert_groups groups;
    expert_units<B> latents;    ///< of the groups: r numbers each
    parameter<B> b_gate, b_up;  ///< r rows of d numbers for every group
    parameter<B> a_gate, a_up;  ///< units x r
    parameter<B> w_out;         ///< units x d

    index_t size(index_t e) const { return units.of(e) * (2 * a_gate.cols() + w_out.cols()); }
    /// Parameters that a token meets which asks `asked` of these experts.
    double met_by(double asked, const std::vector<id_type>& seen) const {
      double own = 0;
      for (const id_type e : seen) own += static_cast<double>(size(e));
      const auto both = static_cast<double>(2 * a_gate.cols() * w_out.cols());
      return asked * own / static_cast<double>(seen.size()) +
             (groups.one_in_a_layer() ? std::min(asked, 1.0) : asked) * both;
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const index_t r = rank == 0 ? std::max<index_t>(pool.d_model / 2, 1) : rank;
    const expert_units<B> units(pool.widths);
    const expert_groups groups(pool, group, "body.group");
    const auto matrix = [&](const char* name, index_t rows, index_t cols) {
      return make.normal(name, rows, cols, pool.initializer_range);
    };
    const auto projection = [&](const char* name) { return make.linear(name, groups.count() * r, pool.d_model); };
    return {units,
            groups,
            expert_units<B>(std::vector<index_t>(static_cast<std::size_t>(groups.count()), r)),
            projection("b_gate"),
            projection("b_up"),
            matrix("a_gate", units.total(), r),
            matrix("a_up", units.total(), r),
            matrix("w_out", units.total(), pool.d_model)};
  }

  /// sum over the pairs of w_e E_e(x)
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const pair_groups<B> pairs(r.pairs);
    const block_layout blocks(w.units.layout(r.visible));
    const auto groups = w.groups.among(*r.visible);
    const index_t rank_of_all = w.a_gate.cols();
    const auto through = [&](const auto& latent) {
      const variable<B> gate = grouped_matmul(latent(w.b_gate), at.use(w.a_gate), blocks, pairs, op::transpose);
      const variable<B> up = grouped_matmul(latent(w.b_up), at.use(w.a_up), blocks, pairs, op::transpose);
      const variable<B> h = multiply(apply(Activation{}, gate), up);
      return combine_pairs(grouped_matmul(h, at.use(w.w_out), blocks, pairs), r.weights, pairs);
    };
    if (groups->count() == 1)
      return through([&](const parameter<B>& b) {
        const variable<B> own = rows_of(at.use(b), groups->ids->front() * rank_of_all, rank_of_all);
        return gather_pairs(matmul(x, own, op::transpose), pairs);
      });
    require(groups->in_order(), "block ", r.block, ": the experts of a group must be neighbours in the layer's list");
    // Sorted by expert, pairs are sorted by group as well: a group begins where its first expert does.
    const auto places = id_matrix<B>::from_host(groups->first, 1, groups->count() + 1);
    const id_matrix<B> first = take_ids(pairs.offsets, places);
    const row_groups<B> by_group(groups->count(), first, B::read_ids(first.view()));
    const block_layout projections(w.latents.layout(groups->ids));
    const variable<B> rows = gather_pairs(x, pairs);
    return through(
        [&](const parameter<B>& b) { return grouped_matmul(rows, at.use(b), projections, by_group, op::transpose); });
  }

  /// E(x) of the only expert.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const {
    const auto through = [&](const parameter<B>& b, const parameter<B>& a) {
      return matmul(matmul(x, ctx.use(b), op::transpose), ctx.use(a), op::transpose);
    };
    return matmul(multiply(apply(Activation{}, through(w.b_gate, w.a_gate)), through(w.b_up, w.a_up)),
                  ctx.use(w.w_out));
  }
};

}  // namespace gmoe
