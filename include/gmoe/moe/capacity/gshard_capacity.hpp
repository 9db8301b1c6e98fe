#pragma once
/// GShard's way with second choices (Lepikhin et al. 2020), in training only.

#include "gmoe/moe/capacity/capacity.hpp"

namespace gmoe {

/// The second choice is kept with probability min(1, 2 w_2), then capacity is applied. `priority::choice_order` with
/// `room::exact` is the paper's form (second choices take what first choices leave); `priority::within_choice` with
/// `room::rounded_up` is the form that GMoE's authors ran, a capacity for each choice.
template <priority Order = priority::choice_order, room Room = room::rounded_up>
struct gshard_capacity : capacity_policy {
  template <class B>
  static id_matrix<B> keep(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    if (!ctx.training) return r.chosen;
    require(bool(r.weights), "gshard_capacity: second choices are kept by their weight, but the gate gives none");
    id_matrix<B> kept = r.chosen.clone();
    for (index_t slot = 1; slot < kept.cols(); ++slot)
      B::keep_randomly(kept.view(), r.weights.value().view(), slot,
                       ctx.stream(random_site::capacity).fork(static_cast<std::uint64_t>(slot)));
    B::limit_capacity(kept.view(), r.experts, r.chosen.view(), capacity_rule{s.capacity_factor, Room}, Order);
    return kept;
  }
};

}  // namespace gmoe
