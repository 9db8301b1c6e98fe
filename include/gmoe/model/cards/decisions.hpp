#pragma once
/// Who decides: noise that is learned, a threshold, a table that learns from the router and replaces it, words.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/always/hyper_adapter.hpp"
#include "gmoe/moe/balance/importance_and_load.hpp"
#include "gmoe/moe/balance/winners_loss.hpp"
#include "gmoe/moe/body/frozen_experts.hpp"
#include "gmoe/moe/capacity/ranked_capacity.hpp"
#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/router/centroid_router.hpp"
#include "gmoe/moe/router/drawn_router.hpp"
#include "gmoe/moe/router/noisy.hpp"
#include "gmoe/moe/router/word_router.hpp"
#include "gmoe/moe/score/sigmoid_score.hpp"
#include "gmoe/moe/select/distilled_choice.hpp"
#include "gmoe/moe/select/prefix.hpp"

namespace gmoe {

/// The first sparse mixture with its noise: top-2 of noisy logits, weights that sum to one, two losses on the load.
struct noisy_top_k_card : smoe_card {
  static constexpr card_text text{"noisy-top-k", "Shazeer et al., ICLR 2017",
                                  "top-2 of logits with learned noise, losses on importance and load"};
  noisy<linear_router> router{};
  importance_and_load balance{};
};

/// Small experts, as many of them as it takes for 90 % of the scores.
struct xmoe_threshold_card : smoe_card {
  static constexpr card_text text{"xmoe-threshold", "Yang et al., Findings of ACL 2024",
                                  "small experts, as many as it takes for 0.9 of the scores, by priority",
                                  written_from::code};
  fine_grained<layer_pool> experts{.granularity = 4};
  gelu_expert body{};
  prefix select{.above = 0.9};
  ranked_capacity capacity{.factor = 5};
  scores_over_kept gate{};
  winners_loss balance{};
};

/// The router decides at first, and teaches a table of token ids, which then decides.
struct stable_moe_card : smoe_card {
  static constexpr card_text text{"stable-moe", "Dai et al., ACL 2022",
                                  "top-1 that a table of token ids learns, which then decides for good",
                                  written_from::code};
  centroid_router router{};
  sigmoid_score score{};
  distilled_choice select{};
  limited_capacity capacity{};
  selected_score gate{};
  no_balance balance{};
};

/// Noisy top-1, and an adapter that a hypernetwork makes of the experts that were not chosen.
struct hyper_moe_card : noisy_top_k_card {
  static constexpr card_text text{"hyper-moe", "Zhao et al., ACL 2024",
                                  "noisy top-1, and a network made of what the other experts know", written_from::code};
  hyper_adapter always{};
  top_k select{.k = 1};
  selected_score gate{};
};

/// One pool of experts for words. Give the model the corpus' token counts before training: `model.prepare(counts)`.
struct mowe_card : hash_card {
  static constexpr card_text text{"mowe", "dos Santos et al. 2023",
                                  "the word so far decides, through a fixed table; one pool for all layers",
                                  written_from::description};
  global_pool experts{};
  frozen_experts<relu_expert> body{};
  word_router router{};
};

/// Nobody decides: an expert is drawn for every sequence and layer, and any two are to agree.
struct thor_card : hash_card {
  static constexpr card_text text{"thor", "Zuo et al., ICLR 2022",
                                  "an expert drawn for the sequence; in training two, which are to agree",
                                  written_from::description};
  drawn_router router{};
  every_block placement{};
};

using decisions_cards =
    card_list<noisy_top_k_card, xmoe_threshold_card, stable_moe_card, hyper_moe_card, mowe_card, thor_card>;
template <>
inline constexpr group_text group_of<decisions_cards>{"decisions", "who decides: noise, a threshold, a table, a word?"};

}  // namespace gmoe
