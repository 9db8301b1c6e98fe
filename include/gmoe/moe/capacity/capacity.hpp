#pragma once
/// What if an expert is asked by more tokens than it has room for?

#include <array>
#include <string_view>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

constexpr auto names_of(priority) {
  return std::array<std::string_view, 3>{"token_order", "choice_order", "within_choice"};
}
constexpr auto names_of(room) { return std::array<std::string_view, 3>{"rounded_up", "exact", "tokens"}; }

/// Pairs that one expert takes of `tokens` tokens with k choices each.
inline index_t expert_capacity(double capacity_factor, index_t k, index_t tokens, index_t experts,
                               room how = room::rounded_up) {
  return capacity_rule{capacity_factor, how}(k * tokens, tokens, experts);
}

/// Every choice is kept.
struct no_capacity {
  using slot = slots::capacity;
  static constexpr bool none = true;
  template <class B>
  id_matrix<B> keep(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};

/// In training, pairs beyond an expert's capacity are dropped: they add nothing to y and get no task gradient, but
/// still count in the balance loss. In evaluation nothing is dropped. The room follows from the pairs that were chosen,
/// so that a selection may leave slots empty.
struct limited_capacity {
  using slot = slots::capacity;
  double factor = 1.25;  ///< c
  priority order = priority::token_order;
  gmoe::room room = gmoe::room::rounded_up;
  static constexpr auto fields =
      std::tuple{field{"factor", &limited_capacity::factor, "capacity factor: room against an even share", above(0)},
                 field{"order", &limited_capacity::order, "which pairs come first"},
                 field{"room", &limited_capacity::room, "how the room follows from what is asked for"}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  id_matrix<B> keep(const place<B>& at, const routing<B>& r) const {
    if (!at.training) return r.chosen;
    id_matrix<B> kept = r.chosen.clone();
    // With a capacity for each choice, the list of one choice holds T pairs but the room is that of all k T.
    B::limit_capacity(kept.view(), r.experts, r.chosen.view(), capacity_rule{factor, room}, order);
    return kept;
  }
};

}  // namespace gmoe
