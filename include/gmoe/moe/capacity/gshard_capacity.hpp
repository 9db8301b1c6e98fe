#pragma once
/// GShard's way with second choices (Lepikhin et al. 2020), in training only.

#include <string>
#include <string_view>
#include <vector>

#include "gmoe/moe/capacity/capacity.hpp"

namespace gmoe {

/// The second choice is kept with probability min(1, 2 w_2), then capacity is applied. `priority::choice_order` with
/// `room::exact` is the paper's form (second choices take what first choices leave); `priority::within_choice` with
/// `room::rounded_up` is the form that GMoE's authors ran, a capacity for each choice.
template <priority Order = priority::choice_order, room Room = room::rounded_up>
struct gshard_capacity : capacity_policy {
  static constexpr std::string_view reads[] = {"capacity_factor"};
  template <class B>
  static id_matrix<B> keep(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    if (!ctx.training) return r.chosen;
    require(bool(r.weights), "gshard_capacity: second choices are kept by their weight, but the gate gives none");
    id_matrix<B> kept = r.chosen.clone();
    for (index_t slot = 1; slot < kept.cols(); ++slot) {
      const random_stream random = ctx.stream(random_site::capacity).fork(static_cast<std::uint64_t>(slot));
      if (ctx.observer) show_draws(ctx, slot, kept.rows(), random);
      B::keep_randomly(kept.view(), r.weights.value().view(), slot, random);
    }
    B::limit_capacity(kept.view(), r.experts, r.chosen.view(), capacity_rule{s.capacity_factor, Room}, Order);
    return kept;
  }

 private:
  /// For traces: the number that each token's choice in this slot is compared with.
  template <class B>
  static void show_draws(const context<B>& ctx, index_t slot, index_t tokens, const random_stream& random) {
    std::vector<typename B::scalar> u(static_cast<std::size_t>(tokens));
    for (std::size_t t = 0; t < u.size(); ++t) u[t] = static_cast<typename B::scalar>(random.uniform(t));
    ctx.observer->see_draw(slot == 1 ? "second_choice_draw" : concat("choice_", slot, "_draw"), ctx.block,
                           matrix<B>::from_host(u, tokens, 1));
  }
};

}  // namespace gmoe
