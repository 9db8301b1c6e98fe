#pragma once
/// With which weight does a chosen expert enter the sum?

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/normalize.hpp"

namespace gmoe {

/// w = p of the chosen expert, as it is. The only choice for top-1: p / p = 1 would have no gradient.
struct selected_score : gate_policy {
  template <class B>
  static variable<B> weights(const context<B>&, const routing<B>& r) {
    return gather_elements(r.scores, r.chosen);
  }
};

/// w = p / (sum of p over the chosen + 1e-9): weights that sum to one.
struct renormalised_scores : gate_policy {
  template <class B>
  static variable<B> weights(const context<B>&, const routing<B>& r) {
    return normalize_sums(gather_elements(r.scores, r.chosen), 1e-9);
  }
};

/// w = 1: the choice carries no weight (hash routing).
struct unit_weight : gate_policy {
  template <class B>
  static variable<B> weights(const context<B>&, const routing<B>&) {
    return {};
  }
};

}  // namespace gmoe
