#pragma once
/// What if an expert is asked by more tokens than it has room for?

#include <cmath>
#include <string_view>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// How an expert's room follows from T tokens with k choices each, N experts and the capacity factor c.
enum class room {
  rounded_up,  ///< floor(c ceil(k T / N)): the baselines as GMoE's authors run them
  exact,       ///< floor(c k T / N): most papers
  tokens,      ///< floor(c T / N), whatever k is: GMoE's authors without the local expert
};

/// Pairs that one expert takes.
inline index_t expert_capacity(double capacity_factor, index_t k, index_t tokens, index_t experts,
                               room how = room::rounded_up) {
  const index_t pairs = how == room::tokens ? tokens : k * tokens;
  const auto share = how == room::rounded_up ? static_cast<double>((pairs + experts - 1) / experts)
                                             : static_cast<double>(pairs) / static_cast<double>(experts);
  return static_cast<index_t>(std::floor(capacity_factor * share));
}

/// Every choice is kept.
struct no_capacity : capacity_policy {
  template <class B>
  static id_matrix<B> keep(const context<B>&, const sizes&, const routing<B>& r) {
    return r.chosen;
  }
};

/// In training, pairs beyond an expert's capacity are dropped: they add nothing to y and get no task gradient, but
/// still count in the balance loss. In evaluation nothing is dropped.
template <priority Order = priority::token_order, room Room = room::rounded_up>
struct limited_capacity : capacity_policy {
  static constexpr std::string_view reads[] = {"capacity_factor"};
  template <class B>
  static id_matrix<B> keep(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    if (!ctx.training) return r.chosen;
    id_matrix<B> kept = r.chosen.clone();
    // With a capacity for each choice, the list of one choice holds T pairs but the room is that of all k T.
    B::limit_capacity(kept.view(), r.experts,
                      expert_capacity(s.capacity_factor, kept.cols(), kept.rows(), r.experts, Room), Order);
    return kept;
  }
};

}  // namespace gmoe
