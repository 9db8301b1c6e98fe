#pragma once
/// What if an expert is asked by more tokens than it has room for?

#include <cmath>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Room per expert: floor(capacity_factor * ceil(k T / N)), as the authors of GMoE run their baselines.
inline index_t expert_capacity(double capacity_factor, index_t k, index_t tokens, index_t experts) {
  return static_cast<index_t>(std::floor(capacity_factor * static_cast<double>((k * tokens + experts - 1) / experts)));
}

/// Every choice is kept.
struct no_capacity : capacity_policy {
  template <class B>
  static id_matrix<B> keep(const context<B>&, const sizes&, const routing<B>& r) { return r.chosen; }
};

/// In training, pairs beyond an expert's capacity are dropped: they add nothing to y and get no task gradient, but
/// still count in the balance loss. In evaluation nothing is dropped.
template <priority Order = priority::token_order>
struct limited_capacity : capacity_policy {
  template <class B>
  static id_matrix<B> keep(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    if (!ctx.training) return r.chosen;
    id_matrix<B> kept = r.chosen.clone();
    // With a capacity for each choice, the list of one choice holds T pairs but the room is that of all k T.
    B::limit_capacity(kept.view(), r.experts, expert_capacity(s.capacity_factor, kept.cols(), kept.rows(), r.experts),
                      Order);
    return kept;
  }
};

}  // namespace gmoe
