#pragma once
/// GMoE (Hong & Kim, ACL 2026) and its ablations. See docs/variants/gmoe.md.

#include "gmoe/model/card_list.hpp"
#include "gmoe/moe/always/local_expert.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/dense/feed_forward.hpp"
#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/gate/gate.hpp"
#include "gmoe/moe/placement/placement.hpp"
#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/score/softmax_score.hpp"
#include "gmoe/moe/select/top_k.hpp"

namespace gmoe {

namespace detail {
inline constexpr std::string_view gmoe_paper = "Hong & Kim, ACL 2026";
}

/// y = E_local(x) + p_e E_e(x), e = argmax p, one pool for all layers.
struct gmoe_card {
  static constexpr card_text text{"gmoe", detail::gmoe_paper,
                                  "one pool for all layers, a local expert, a recurrent router with propagated logits",
                                  written_from::code};
  // clang-format off
  global_pool       experts{};
  relu_expert       body{};
  local_expert      always{};
  global_router<hidden_state, propagated_logits> router{};
  softmax_score     score{};
  top_k             select{};
  no_capacity       capacity{};
  selected_score    gate{};
  switch_loss       balance{};
  every_block       placement{};
  gpt2_feed_forward dense{};
  // clang-format on
};

struct gmoe_no_local_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-local", detail::gmoe_paper, "gmoe without the local expert",
                                  written_from::code};
  no_always always{};
};

/// A second global expert in place of the local one, so that two experts stay active: raw weights, room for c T / N
/// pairs per expert in training. How the authors' code realises this ablation.
struct gmoe_no_local_top2_card : gmoe_no_local_card {
  static constexpr card_text text{"gmoe-no-local-top2", detail::gmoe_paper,
                                  "gmoe with a second global expert instead of the local one", written_from::code};
  top_k select{.k = 2};
  limited_capacity capacity{.room = room::tokens};
};

struct gmoe_no_logits_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-logits", detail::gmoe_paper, "gmoe without logit propagation",
                                  written_from::code};
  global_router<hidden_state> router{};
};

struct gmoe_no_state_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-state", detail::gmoe_paper, "gmoe without the router's hidden state",
                                  written_from::code};
  global_router<propagated_logits> router{};
};

struct gmoe_no_global_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-global", detail::gmoe_paper, "gmoe with a pool of its own for every layer",
                                  written_from::code};
  layer_pool experts{};
};

/// The router's state passes through the blocks between.
struct gmoe_every_second_card : gmoe_card {
  static constexpr card_text text{"gmoe-every-second", detail::gmoe_paper, "gmoe in every second block",
                                  written_from::code};
  every_second_block placement{};
};

/// Experts in two parts, as many of them active as make up one expert; the local expert stays whole.
struct gmoe_fine_grained_card : gmoe_card {
  static constexpr card_text text{"gmoe-fine-grained", detail::gmoe_paper,
                                  "gmoe with its global experts split in parts"};
  fine_grained<global_pool> experts{.granularity = 2};
};

using gmoe_cards = card_list<gmoe_card, gmoe_no_local_card, gmoe_no_local_top2_card, gmoe_no_logits_card,
                             gmoe_no_state_card, gmoe_no_global_card, gmoe_every_second_card, gmoe_fine_grained_card>;
template <>
inline constexpr group_text group_of<gmoe_cards>{
    "gmoe", "what can layers share and tell each other, and which part of GMoE does what?"};

}  // namespace gmoe
