#pragma once
/// Routing in two levels, the second: an expert's score is its own times its group's (MoHGE, Ma et al. 2026).

#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/groups.hpp"

namespace gmoe {

/// p_i = sG_g(i) Score(z)_i, with the scores of groups that the candidates have noted (best_groups). Of
/// times_group<softmax_score> the second factor is a softmax over the experts of the chosen groups together.
template <class Score>
struct times_group {
  using slot = slots::score;
  Score of{};

  template <class B>
  variable<B> scores(const place<B>& at, const routing<B>& r, const auto& my) const {
    const variable<B>& groups = r.noted("group_scores");
    return multiply(ask<hooks::scores>(of, my, at, r), group_repeat(groups, r.experts / groups.cols()));
  }
};

}  // namespace gmoe
