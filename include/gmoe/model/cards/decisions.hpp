#pragma once
/// Who decides: noise that is learned, a threshold, a table that learns from the router and replaces it, words.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/importance_and_load.hpp"
#include "gmoe/moe/balance/winners_loss.hpp"
#include "gmoe/moe/capacity/ranked_capacity.hpp"
#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/router/noisy.hpp"
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
                                  "small experts, as many as it takes for 0.9 of the scores, by priority"};
  fine_grained<layer_pool> experts{.granularity = 4};
  gelu_expert body{};
  prefix select{.above = 0.9};
  ranked_capacity capacity{.factor = 5};
  scores_over_kept gate{};
  winners_loss balance{};
};

using decisions_cards = card_list<noisy_top_k_card, xmoe_threshold_card>;

}  // namespace gmoe
