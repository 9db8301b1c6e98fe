#pragma once
/// A small expert for every group of experts, which a token meets once, however many of the group it asks (Grove MoE,
/// Wu et al. 2025).

#include <algorithm>
#include <cstddef>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/expert_groups.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// Experts by `of`, and adjugates A of the same form:
///     y = sum over t's pairs of w_e E_e(x)  +  lambda sum over the groups j of them of s_j A_j(x)
/// where s_j is the sum of w_e over t's pairs in group j.
template <class Body>
struct with_adjugates {
  using slot = slots::body;
  Body of{};
  index_t group = 2;
  index_t part = 6;
  double lambda = 0.05;
  static constexpr auto fields = std::tuple{
      field{"group", &with_adjugates::group, "experts that share an adjugate; 0: all of a layer", at_least(0)},
      field{"part", &with_adjugates::part, "hidden units of an expert over those of an adjugate", at_least(1)},
      field{"lambda", &with_adjugates::lambda, "weight of the adjugates", at_least(0.0)}};

  template <class B>
  struct weights {
    typename Body::template weights<B> own, adjugates;
    expert_groups groups;

    /// Parameters that a token of this layer meets which asks `asked` experts, each of another group if it can be.
    double met_by(double asked, const std::vector<id_type>& seen) const {
      double all = 0;
      for (const id_type e : seen) all += static_cast<double>(own.size(e));
      const auto among = static_cast<double>(seen.size());
      const double met = std::min(asked, among / static_cast<double>(groups.size()));
      return asked * all / among + met * static_cast<double>(adjugates.size(groups.among(seen)->ids->front()));
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const expert_groups groups(pool, group, "body.group");
    std::vector<index_t> widths;
    for (index_t g = 0; g < groups.count(); ++g)
      widths.push_back(std::max<index_t>(pool.widths[static_cast<std::size_t>(g * groups.size())] / part, 1));
    return {of.make_weights(make, pool),
            of.make_weights(make.scope("adjugates"), pool_shape{widths, pool.d_model, pool.initializer_range}), groups};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    using inner = typename Body::template weights<B>;
    const variable<B> y = of(at, x, r, alone<inner>{w.own});
    return add(y, scale(of(at, x, of_groups(at, r, w.groups), alone<inner>{w.adjugates}), lambda));
  }
  /// An expert for every token has no group.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const {
    return of.dense(ctx, x, w.own);
  }

 private:
  template <class Weights>
  struct alone {
    const Weights& weights;
  };
  /// The routing among groups: each that a token has an expert of, once, with the sum of their weights.
  template <class B>
  static routing<B> of_groups(const place<B>& at, const routing<B>& r, const expert_groups& groups) {
    const index_t tokens = r.kept.rows(), slots = r.kept.cols();
    const auto seen = groups.among(*r.visible);
    const index_t count = seen->count();
    const id_matrix<B> kept =
        take_ids(id_matrix<B>::from_host(seen->numbers, 1, r.experts), r.kept).reshaped(tokens, slots);
    matrix<B> touched(tokens, count);
    B::one_hot(touched.view(), kept.view());
    const variable<B> each =
        r.weights ? r.weights : at.constant(matrix<B>::filled(tokens, slots, typename B::scalar(1)));
    routing<B> some = r;
    some.experts = count;
    some.visible = seen->ids;
    some.chosen = some.kept = choose_above(touched, 0.5, std::min(slots, count));
    some.weights = gather_elements(scatter_elements(each, kept, count), some.kept);
    some.pairs = sort_by_expert(some.kept, count, {r.block, some.kept, r.pairs.from.rows});
    return some;
  }
};

}  // namespace gmoe
