#pragma once
/// What layers see of the experts, and how wide these are.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/always/output_bias.hpp"
#include "gmoe/moe/balance/entropy_loss.hpp"
#include "gmoe/moe/balance/group_loss.hpp"
#include "gmoe/moe/balance/kinds_loss.hpp"
#include "gmoe/moe/balance/load_loss.hpp"
#include "gmoe/moe/balance/pool_load_loss.hpp"
#include "gmoe/moe/balance/sum_of.hpp"
#include "gmoe/moe/body/biased.hpp"
#include "gmoe/moe/body/special_experts.hpp"
#include "gmoe/moe/candidates/best_groups.hpp"
#include "gmoe/moe/candidates/growing_reuse.hpp"
#include "gmoe/moe/capacity/prefix_quota.hpp"
#include "gmoe/moe/experts/block_pool.hpp"
#include "gmoe/moe/experts/grouped_pool.hpp"
#include "gmoe/moe/experts/heterogeneous.hpp"
#include "gmoe/moe/experts/mixed_pool.hpp"
#include "gmoe/moe/experts/nested_pool.hpp"
#include "gmoe/moe/experts/ring_pool.hpp"
#include "gmoe/moe/experts/sliced_pool.hpp"
#include "gmoe/moe/gate/nested_weight.hpp"
#include "gmoe/moe/gate/slice_gates.hpp"
#include "gmoe/moe/router/gating_residuals.hpp"
#include "gmoe/moe/router/on_prefix.hpp"
#include "gmoe/moe/router/trajectory_router.hpp"
#include "gmoe/moe/score/times_group.hpp"
#include "gmoe/moe/select/nested_choice.hpp"
#include "gmoe/moe/select/prefix.hpp"

namespace gmoe {

/// Heterogeneous experts (Wang et al. 2024): widths in arithmetic progression, and a penalty on the parameters that are
/// active.
struct hmoe_card : smoe_card {
  static constexpr card_text text{"hmoe", "Wang et al. 2024",
                                  "top-2 of experts of different widths, which is dearer the wider they are"};
  heterogeneous<layer_pool> experts{};
  load_loss balance{.alpha = 0.1, .count = load_count::tokens, .by_width = true};
};

/// The same with as many experts as their scores need.
struct hmoe_top_p_card : hmoe_card {
  static constexpr card_text text{"hmoe-top-p", "Wang et al. 2024",
                                  "experts of different widths, as many as it takes for their scores to sum to enough"};
  prefix select{.above = 0.6};
  selected_score gate{};
  sum_of<load_loss, entropy_loss> balance{.first = {.alpha = 0.1, .count = load_count::tokens, .by_width = true},
                                          .second = {.beta = 0.03}};
};

/// Universal experts (Chen et al. 2026): a ring of experts that every layer sees another part of, and one of its own.
struct moue_card : smoe_card {
  static constexpr card_text text{"moue", "Chen et al. 2026",
                                  "top-2 of a window on a ring of shared experts, a router that knows a token's path",
                                  written_from::description};
  ring_pool experts{};
  trajectory_router router{};
  pool_load_loss balance{};
};

/// Heterogeneous groups (Ma et al. 2026): groups of experts of one width each, routed in two levels.
struct mohge_card : smoe_card {
  static constexpr card_text text{"mohge", "Ma et al., ACL 2026",
                                  "top-2 of the two best groups of experts, which are wider from group to group",
                                  written_from::description};
  grouped_pool experts{};
  best_groups candidates{};
  times_group<softmax_score> score{};
  group_loss balance{};
};

/// Reused experts (Tan et al. 2025): neighbouring layers see each other's experts, more and more of them in training.
struct rexmoe_card : smoe_card {
  static constexpr card_text text{"rexmoe", "Tan et al. 2025",
                                  "top-2 of the experts of neighbouring layers, which are opened step by step"};
  block_pool experts{.block = 4};
  growing_reuse candidates{};
};

/// Union of experts (Yang et al. 2025): slices of one dense layer, chosen token by token, each for a share of the text.
struct uoe_card : smoe_card {
  static constexpr card_text text{
      "uoe", "Yang et al. 2025",
      "slices of one dense layer as experts, chosen by tokens, for a share of the text each"};
  sliced_pool experts{};
  biased_expert<fn::gelu> body{};
  output_bias always{};
  prefix_quota capacity{};
  weights_around_one gate{};
};
/// The other mode: the text so far decides which slices run, with weight 1.
struct uoe_prefix_card : uoe_card {
  static constexpr card_text text{"uoe-prefix", "Yang et al. 2025",
                                  "slices of one dense layer, chosen by the text so far, with weight 1"};
  on_prefix<linear_router> router{};
  no_capacity capacity{};
  one_by_score gate{};
};

/// Nested experts: how much of one dense layer a token has, up to a budget of all tokens.
struct nested_card : smoe_card {
  static constexpr card_text text{"nested", "Jain et al., NeurIPS 2024",
                                  "all, half, a quarter, ... of one dense layer for a token, by a budget",
                                  written_from::description};
  nested_pool experts{};
  nested_choice select{};
  nested_weight gate{};
  no_balance balance{};
};

/// Experts of four kinds (Jin et al. 2024): ordinary ones beside some that give nothing, x, or a learned vector.
struct moe_plus_plus_card : smoe_card {
  static constexpr card_text text{"moe-plus-plus", "Jin et al., ICLR 2025",
                                  "top-2 of experts of which some cost nothing, logits that travel"};
  mixed_pool experts{};
  special_experts<relu_expert> body{};
  gating_residuals<linear_router> router{};
  selected_score gate{};
  kinds_loss balance{};
};

using pools_cards = card_list<hmoe_card, hmoe_top_p_card, mohge_card, rexmoe_card, moue_card, uoe_card, uoe_prefix_card,
                              nested_card, moe_plus_plus_card>;
template <>
inline constexpr group_text group_of<pools_cards>{"pools", "which experts does a layer see, and how wide are they?"};

}  // namespace gmoe
