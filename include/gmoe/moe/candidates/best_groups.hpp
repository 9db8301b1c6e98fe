#pragma once
/// Routing in two levels, the first: a token's groups of experts (MoHGE, Ma et al. 2026).

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// The experts of the `groups` best of the pool's G groups: sG = softmax(C x) over the groups, a row of C for each. sG
/// is noted as "group_scores" (T x G), for a score and a balance loss that read it; through them C is trained.
struct best_groups {
  using slot = slots::candidates;
  index_t groups = 2;
  static constexpr auto fields =
      std::tuple{field{"groups", &best_groups::groups, "groups whose experts a token may ask", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> centroids;  ///< C: G x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(groups <= l.groups, "candidates.groups = ", groups, " of the pool's ", l.groups, " groups");
    return {make.linear("centroids", l.groups, l.d_model)};
  }
  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t all = at.layer.groups;
    const variable<B> scores = softmax_rows(matmul(r.input, at.use(my.layer.centroids), op::transpose));
    r.note("group_scores", scores);
    if (groups == all) return {};
    matrix<B> best(r.input.rows(), all);
    B::one_hot(best.view(), choose_top_k(scores.value(), groups).view());
    return group_repeat(variable<B>(best), r.experts / all).value();
  }
};

}  // namespace gmoe
