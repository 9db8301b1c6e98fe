#pragma once
/// What if an expert is asked by more tokens than it has room for?

#include <string_view>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Pairs that one expert takes of `tokens` tokens with k choices each.
inline index_t expert_capacity(double capacity_factor, index_t k, index_t tokens, index_t experts,
                               room how = room::rounded_up) {
  return capacity_rule{capacity_factor, how}(k * tokens, tokens, experts);
}

/// Every choice is kept.
struct no_capacity : capacity_policy {
  template <class B>
  static id_matrix<B> keep(const context<B>&, const sizes&, const routing<B>& r) {
    return r.chosen;
  }
};

/// In training, pairs beyond an expert's capacity are dropped: they add nothing to y and get no task gradient, but
/// still count in the balance loss. In evaluation nothing is dropped. The room follows from the pairs that were chosen,
/// so that a selection may leave slots empty.
template <priority Order = priority::token_order, room Room = room::rounded_up>
struct limited_capacity : capacity_policy {
  static constexpr std::string_view reads[] = {"capacity_factor"};
  template <class B>
  static id_matrix<B> keep(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    if (!ctx.training) return r.chosen;
    id_matrix<B> kept = r.chosen.clone();
    // With a capacity for each choice, the list of one choice holds T pairs but the room is that of all k T.
    B::limit_capacity(kept.view(), r.experts, r.chosen.view(), capacity_rule{s.capacity_factor, Room}, Order);
    return kept;
  }
};

}  // namespace gmoe
