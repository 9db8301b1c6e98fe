#pragma once
/// Which cards the published checkpoint format can hold.
///
/// The format has four model types. In `gmoe` three parts can be switched off. In all of them a block without a
/// router is one bare expert, W2 relu(W1 x), so that its policy is `relu_feed_forward`.

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "gmoe/core/error.hpp"
#include "gmoe/model/any_card.hpp"
#include "gmoe/model/card_list.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/form/one_pass.hpp"

namespace gmoe {

/// The values of `moe_type` in a config, in the order of `official_kind_names`.
enum class official_kind { gmoe, switch_, gshard, dense };

inline constexpr std::array<std::string_view, 4> official_kind_names{"gmoe", "switch", "gshard", "dense"};

constexpr std::string_view name_of(official_kind kind) { return official_kind_names[static_cast<std::size_t>(kind)]; }

/// How a card relates to the format.
struct official_form {
  official_kind kind = official_kind::switch_;
  bool relu_dense = false;    ///< what blocks without a mixture compute
  bool local_expert = false;  ///< this and the next: the switches of `gmoe`
  bool prev_logits = false, router_state = false;
  std::string_view obstacle;  ///< the slot whose answer the format has no word for; empty if it can hold the card
};

namespace detail {

/// The answers of a card whose type is known, asked as an any_card is.
template <class Card>
struct answers_of_type {
  template <class Slot, class P>
  constexpr bool answers() const {
    return std::is_same_v<answer<Card, Slot>, P>;
  }
};

/// The published form of a card, which is asked by answers<Slot, Policy>().
template <class Card>
constexpr official_form official_form_from(const Card& card) {
  using state = hidden_state;
  using logits = propagated_logits;
  const auto has_router = [&]<class... Routers>(std::type_identity<std::tuple<Routers...>>) {
    return (card.template answers<slots::router, Routers>() || ...);
  };
  official_form f;
  f.relu_dense = card.template answers<slots::dense, relu_feed_forward>();
  f.local_expert = card.template answers<slots::always, local_expert>();
  const bool both =
      has_router(std::type_identity<std::tuple<global_router<state, logits>, global_router<logits, state>>>{});
  f.router_state = both || card.template answers<slots::router, global_router<state>>();
  f.prev_logits = both || card.template answers<slots::router, global_router<logits>>();
  const bool global = f.router_state || f.prev_logits || card.template answers<slots::router, global_router<>>();
  const bool renormalised = card.template answers<slots::gate, renormalised_scores>();
  f.kind = card.template answers<slots::placement, no_block>() ? official_kind::dense
           : global                                            ? official_kind::gmoe
           : renormalised                                      ? official_kind::gshard
                                                               : official_kind::switch_;
  f.obstacle = [&]() -> std::string_view {
    if (!card.template answers<slots::attention, gpt2_attention>()) return "attention";
    if (!card.template answers<slots::norm, layer_norms>()) return "norm";
    if (!card.template answers<slots::positions, learned_positions>()) return "positions";
    if (!card.template answers<slots::head, tied_head>()) return "head";
    if (f.kind == official_kind::dense) return f.relu_dense ? "" : "dense";
    if (!card.template answers<slots::body, relu_expert>()) return "body";
    if (!card.template answers<slots::score, softmax_score>()) return "score";
    if (!card.template answers<slots::select, top_k>()) return "select";
    if (!card.template answers<slots::balance, switch_loss>()) return "balance";
    if (!card.template answers<slots::candidates, all_experts>()) return "candidates";
    if (!card.template answers<slots::form, one_pass>()) return "form";
    const bool nothing_besides = card.template answers<slots::always, no_always>();
    if (f.kind == official_kind::gmoe) {
      if (!card.template answers<slots::experts, global_pool>()) return "experts";
      if (!f.local_expert && !nothing_besides) return "always";
    } else {
      if (!card.template answers<slots::router, linear_router>()) return "router";
      if (!card.template answers<slots::experts, layer_pool>()) return "experts";
      if (!nothing_besides) return "always";
    }
    if (f.kind != official_kind::gshard && !card.template answers<slots::gate, selected_score>()) return "gate";
    const bool capacity = f.kind == official_kind::gmoe ? card.template answers<slots::capacity, no_capacity>()
                          : f.kind == official_kind::gshard
                              ? card.template answers<slots::capacity, gshard_capacity>()
                              : card.template answers<slots::capacity, limited_capacity>();
    return capacity ? "" : "capacity";
  }();
  return f;
}

}  // namespace detail

/// The form of a card, by its type.
template <class Card>
struct official_card {
  static constexpr official_form form = detail::official_form_from(detail::answers_of_type<Card>{});
  static constexpr official_kind kind() { return form.kind; }
  /// The slot whose answer the format has no word for; empty if it can hold the card.
  static constexpr std::string_view obstacle() { return form.obstacle; }
};
/// The same of a value, and of one whose type is chosen at run time.
template <class Card>
constexpr official_form official_form_of(const Card&) {
  return official_card<Card>::form;
}
inline official_form official_form_of(const any_card& card) { return detail::official_form_from(card); }

/// Throws config_error if the format has no word for an answer of the card.
inline void check_official_form(const official_form& form) {
  require(form.obstacle.empty(), "official checkpoints cannot hold this model: its card's slot '", form.obstacle,
          "' is not that of GMoE, Switch, GShard, or the dense model with ReLU experts");
}

/// Cards whose parameters all have an official name.
template <class Card>
concept official = official_card<Card>::obstacle()
.empty();

/// The cards of checkpoints as they are loaded: the blocks with a mixture are listed in the config.
template <bool LocalExpert = true, bool PrevLogits = true, bool RouterState = true>
struct official_gmoe_card
    : with<gmoe_card, listed_blocks, relu_feed_forward, std::conditional_t<LocalExpert, local_expert, no_always>,
           std::conditional_t<RouterState,
                              std::conditional_t<PrevLogits, global_router<hidden_state, propagated_logits>,
                                                 global_router<hidden_state>>,
                              std::conditional_t<PrevLogits, global_router<propagated_logits>, global_router<>>>> {
  static constexpr card_text text{
      std::array<std::string_view, 8>{"official-gmoe-plain", "official-gmoe-state", "official-gmoe-logits",
                                      "official-gmoe-state-logits", "official-gmoe-local", "official-gmoe-local-state",
                                      "official-gmoe-local-logits",
                                      "official-gmoe"}[4 * LocalExpert + 2 * PrevLogits + RouterState],
      gmoe_card::text.paper, "GMoE as a published checkpoint has it"};
};
struct official_switch_card : with<switch_card, listed_blocks, relu_feed_forward> {
  static constexpr card_text text{"official-switch", switch_card::text.paper,
                                  "Switch as a published checkpoint has it"};
};
struct official_gshard_card : with<gshard_card, listed_blocks, relu_feed_forward> {
  static constexpr card_text text{"official-gshard", gshard_card::text.paper,
                                  "GShard as a published checkpoint has it"};
};
using official_dense_card = dense_relu_card;

/// Every card that a checkpoint may have. Those of gmoe in the order of their switches as a number of three bits.
using official_cards = card_list<official_gmoe_card<false, false, false>, official_gmoe_card<false, false, true>,
                                 official_gmoe_card<false, true, false>, official_gmoe_card<false, true, true>,
                                 official_gmoe_card<true, false, false>, official_gmoe_card<true, false, true>,
                                 official_gmoe_card<true, true, false>, official_gmoe_card<>, official_switch_card,
                                 official_gshard_card, official_dense_card>;

}  // namespace gmoe
