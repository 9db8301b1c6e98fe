#pragma once
/// Experts in clusters, some of which rest (MoEC, Xie et al. 2022).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/groups.hpp"

namespace gmoe {

/// N experts in clusters of q neighbours. A token belongs to the cluster of its best expert, and takes the best one of
/// that cluster that does not rest. In training each expert rests with probability `rest`, drawn once for the whole
/// optimiser step: expert i if number i of the layer's draws is below it; but of a cluster in which all would, the one
/// with the largest draw does not (the first one among equals). In evaluation nobody rests. Notes "cluster", T x N: 1
/// for the experts of the token's cluster.
struct cluster_choice {
  using slot = slots::select;
  index_t size = 2;   ///< q
  double rest = 0.5;  ///< rho
  static constexpr auto fields =
      std::tuple{field{"size", &cluster_choice::size, "experts of a cluster", at_least(1)},
                 field{"rest", &cluster_choice::rest, "probability that an expert rests in a step", below(0, 1)}};

  index_t at_most(const layer_shape& l) const {
    require(l.experts % size == 0, "select.size is ", size, ", expected a divisor of the ", l.experts,
            " experts that a layer sees");
    return 1;
  }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const matrix<B>& p = r.scores.value();
    const id_matrix<B> best = r.mask.empty() ? choose_top_k(p, 1) : choose_top_k(p, 1, r.mask);
    matrix<B> marks(p.rows(), p.cols());
    B::one_hot(marks.view(), best.view());
    const variable<B> cluster = group_repeat(group_sums(variable<B>(std::move(marks)), size), size);
    r.note("cluster", cluster);
    if (!at.training || size == 1 || rest == 0) return best;
    variable<B> there = multiply_row(cluster, awake(at, r.experts));
    if (!r.mask.empty()) there = mask_cols(there, r.mask);
    return choose_top_k(p, 1, there.value());
  }

 private:
  /// 1 x N: 1 for experts that do not rest.
  template <class B>
  variable<B> awake(const place<B>& at, index_t experts) const {
    matrix<B> draws(experts / size, size), longest(experts / size, size);
    B::fill_uniform(draws.view(), 0, 1, at.step_stream(random_site::selection));
    if (at.observer) at.observer->see_draw("resting_experts", at.block, draws.reshaped(1, experts));
    B::one_hot(longest.view(), choose_top_k(draws, 1).view());
    const variable<B> limit(matrix<B>::filled(experts / size, size, static_cast<typename B::scalar>(-rest)));
    const variable<B> up = open_gate(add(variable<B>(std::move(draws)), limit));
    // One of both is enough.
    return reshape(open_gate(add(up, variable<B>(std::move(longest)))), 1, experts);
  }
};

}  // namespace gmoe
