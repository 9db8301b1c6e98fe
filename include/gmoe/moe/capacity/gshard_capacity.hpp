#pragma once
/// GShard's way with second choices (Lepikhin et al. 2020), in training only.

#include <string>
#include <vector>

#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/stop_gradient.hpp"

namespace gmoe {

/// The second choice is kept with probability min(1, 2 w_2), w the scores asked for divided by their sum, then capacity
/// is applied. `priority::choice_order` with `room::exact` is the paper's form (second choices take what first choices
/// leave); `priority::within_choice` with `room::rounded_up` is the form that GMoE's authors ran, a capacity for each
/// choice.
struct gshard_capacity {
  using slot = slots::capacity;
  double factor = 1.25;
  priority order = priority::choice_order;
  gmoe::room room = gmoe::room::rounded_up;
  static constexpr auto fields =
      std::tuple{field{"factor", &gshard_capacity::factor, "capacity factor: room against an even share", above(0)},
                 field{"order", &gshard_capacity::order, "which pairs come first"},
                 field{"room", &gshard_capacity::room, "how the room follows from what is asked for"}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  id_matrix<B> keep(const place<B>& at, const routing<B>& r) const {
    if (!at.training) return r.chosen;
    id_matrix<B> kept = r.chosen.clone();
    const variable<B> w = normalize_sums(gather_elements(stop_gradient(r.scores), r.chosen), 1e-9);
    for (index_t slot = 1; slot < kept.cols(); ++slot) {
      const random_stream random = at.stream(random_site::capacity, kept.rows()).fork(static_cast<std::uint64_t>(slot));
      if (at.observer) show_draws(at, slot, kept.rows(), random);
      B::keep_randomly(kept.view(), w.value().view(), slot, random);
    }
    B::limit_capacity(kept.view(), r.experts, r.chosen.view(), capacity_rule{factor, room}, order);
    return kept;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: gshard_capacity keeps second choices by their share of scores, but the card's scores are "
                  "logits, which may be negative: it takes another score, such as softmax_score");
    return true;
  }

  /// For traces: the number that each token's choice in this slot is compared with.
  template <class B>
  static void show_draws(const place<B>& at, index_t slot, index_t tokens, const random_stream& random) {
    std::vector<typename B::scalar> u(static_cast<std::size_t>(tokens));
    for (std::size_t t = 0; t < u.size(); ++t) u[t] = static_cast<typename B::scalar>(random.uniform(t));
    at.observer->see_draw(slot == 1 ? "second_choice_draw" : concat("choice_", slot, "_draw"), at.block,
                          matrix<B>::from_host(u, tokens, 1));
  }
};

}  // namespace gmoe
