#pragma once
/// Two levels: a distribution over groups, and one within each group.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// Experts stand in G groups of N / G neighbours. Of G + N logits the first G are the groups':
///     p_i = softmax over the groups (i's group) times softmax within i's group (i)
/// which sums to one. Notes the first factor as "group_scores", T x G. One group: the softmax of all.
struct hierarchical_score {
  using slot = slots::score;
  index_t groups = 2;  ///< G
  static constexpr auto fields =
      std::tuple{field{"groups", &hierarchical_score::groups, "groups of experts", at_least(1)}};

  index_t columns(index_t experts) const {
    require(experts % groups == 0, "score.groups is ", groups, ", expected a divisor of the ", experts,
            " experts that a layer sees");
    return groups + experts;
  }
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    const index_t n = r.experts / groups;
    const variable<B> group = softmax_rows(columns_of(r.logits, 0, groups));
    const variable<B> within = softmax_rows(reshape(columns_of(r.logits, groups, r.experts), group.size(), n));
    r.note("group_scores", group);
    return multiply(group_repeat(group, n), reshape(within, group.rows(), r.experts));
  }
};

}  // namespace gmoe
