#pragma once
/// Who chooses whom, and how many: mixtures that differ from the usual one in selection and assignment.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/attention/with_importance.hpp"
#include "gmoe/moe/balance/cluster_variance.hpp"
#include "gmoe/moe/balance/entropy_loss.hpp"
#include "gmoe/moe/balance/null_aware_loss.hpp"
#include "gmoe/moe/balance/sum_of.hpp"
#include "gmoe/moe/balance/two_level_loss.hpp"
#include "gmoe/moe/body/special_experts.hpp"
#include "gmoe/moe/candidates/token_masks.hpp"
#include "gmoe/moe/capacity/ordered_capacity.hpp"
#include "gmoe/moe/experts/with_nulls.hpp"
#include "gmoe/moe/gate/scores_over_ordinary.hpp"
#include "gmoe/moe/gate/straight_through_score.hpp"
#include "gmoe/moe/router/dynamic_router.hpp"
#include "gmoe/moe/router/sequence_router.hpp"
#include "gmoe/moe/score/two_level_score.hpp"
#include "gmoe/moe/score/unified_score.hpp"
#include "gmoe/moe/select/best_pairs.hpp"
#include "gmoe/moe/select/bounded_expert_choice.hpp"
#include "gmoe/moe/select/broadcast_uncertain.hpp"
#include "gmoe/moe/select/cluster_choice.hpp"
#include "gmoe/moe/select/expert_choice.hpp"
#include "gmoe/moe/select/open_experts.hpp"
#include "gmoe/moe/select/prefix.hpp"
#include "gmoe/moe/select/scheduled_top_k.hpp"
#include "gmoe/moe/select/sinkhorn.hpp"
#include "gmoe/moe/select/sparse_transport.hpp"
#include "gmoe/moe/select/top_k_by_importance.hpp"

namespace gmoe {

/// The shortest prefix of the experts whose scores sum to more than 0.4.
struct top_p_card : smoe_card {
  static constexpr card_text text{"top-p", "Huang et al., ACL 2024",
                                  "as many experts as it takes for their scores to sum to enough"};
  prefix select{.above = 0.4};
  selected_score gate{};
  sum_of<switch_loss, entropy_loss> balance{};
};

/// Experts take tokens: even loads without a loss, 0 to N experts per token, raw weights.
struct expert_choice_card : smoe_card {
  static constexpr card_text text{"expert-choice", "Zhou et al., NeurIPS 2022",
                                  "experts take tokens, two per token on average"};
  expert_choice select{};
  selected_score gate{};
  no_balance balance{};
};

struct bounded_expert_choice_card : expert_choice_card {
  static constexpr card_text text{"expert-choice-bounded", "Zhou et al., NeurIPS 2022",
                                  "experts take tokens, by a plan in which no token gets more than two"};
  bounded_expert_choice select{};
};

/// Token choice by a plan with even loads.
struct sinkhorn_card : smoe_card {
  static constexpr card_text text{"sinkhorn", "Liu et al., TMLR 2024",
                                  "tokens take experts by a plan that balances the batch"};
  sinkhorn_top_k select{};
  selected_score gate{};
  no_balance balance{};
};

struct sinkhorn_expert_choice_card : sinkhorn_card {
  static constexpr card_text text{"sinkhorn-expert-choice", "Liu et al., TMLR 2024",
                                  "experts take tokens by a plan that balances the batch"};
  sinkhorn_expert_choice select{};
};

/// A plan with no more entries than pairs.
struct sparse_transport_card : sinkhorn_card {
  static constexpr card_text text{"sparse-transport", "Liu et al., TMLR 2024",
                                  "experts take tokens by a balanced plan with as many entries as pairs",
                                  written_from::description};
  sparse_transport select{};
};

struct usmoe_card : smoe_card {
  static constexpr card_text text{"usmoe", "Do et al. 2025",
                                  "experts and tokens compete, the best pairs of the batch are selected",
                                  written_from::description};
  unified_score score{};
  best_pairs select{};
  selected_score gate{};
  no_balance balance{};
};

/// More choices, some of experts that compute nothing: how much a token costs is up to its router.
struct adamoe_card : smoe_card {
  static constexpr card_text text{"adamoe", "Zeng et al., EMNLP 2024 (Findings)",
                                  "null experts beside the others: tokens differ in how many they need",
                                  written_from::code};
  with_nulls<layer_pool> experts{};
  special_experts<relu_expert> body{};
  top_k select{.k = 3};
  scores_over_ordinary gate{};
  null_aware_loss balance{};
};

/// Top-1 in the end; the lowest mixtures begin with more.
struct sigma_tiny_card : smoe_card {
  static constexpr card_text text{"sigma-tiny", "Hu et al. 2025",
                                  "many experts per token in low layers at first, then one everywhere",
                                  written_from::description};
  scheduled_top_k select{};
  selected_score gate{};
};

/// Switch's mixture in every block, whose uncertain tokens hear all experts in training.
struct gw_moe_card : smoe_card {
  static constexpr card_text text{"gw-moe", "Wu et al. 2024",
                                  "top-1, but uncertain tokens go to all experts in training", written_from::code};
  broadcast_uncertain select{};
  selected_score gate{};
};

/// A node, then an expert of it: n + q logits for n q experts.
struct smile_card : smoe_card {
  static constexpr card_text text{"smile", "He et al. 2022",
                                  "top-1 of a product of two softmaxes: node, and place in it"};
  two_level_score score{};
  top_k select{.k = 1};
  selected_score gate{};
  two_level_loss balance{};
};

/// Rare token ids have one expert each, frequent ones may ask all. Give the model the corpus' token counts before
/// training: `model.prepare(counts)`.
struct maskmoe_card : smoe_card {
  static constexpr card_text text{"maskmoe", "Su et al., EMNLP 2024",
                                  "top-1 among the experts that the token's id may ask: rare ids have one",
                                  written_from::description};
  token_masks candidates{};
  top_k select{.k = 1};
  selected_score gate{};
};

/// Tokens take every expert whose threshold they exceed; the pool grows and shrinks.
struct dynmoe_card : smoe_card {
  static constexpr card_text text{"dynmoe", "Guo et al., ICLR 2025",
                                  "every expert whose threshold a token exceeds, of a pool that grows and shrinks",
                                  written_from::code};
  dynamic_router router{};
  plain_score score{};
  open_experts select{};
  open_share gate{};
  no_balance balance{};
};

/// A full expert keeps the better pairs; tokens that it turns away ask on.
struct capacity_aware_card : smoe_card {
  static constexpr card_text text{"capacity-aware", "He et al. 2025",
                                  "top-2, limited room for the better pairs, the others go to the next best expert"};
  ordered_capacity capacity{};
  kept_score gate{};
};

/// A decision per sequence, by its first token.
struct task_moe_card : smoe_card {
  static constexpr card_text text{"task-moe", "Ye et al., EMNLP 2022 (Findings)",
                                  "one expert for a whole sequence, which its first token names",
                                  written_from::description};
  per_sequence<linear_router> router{};
  top_k select{.k = 1};
  straight_through_score gate{};
};

struct moec_card : smoe_card {
  static constexpr card_text text{"moec", "Xie et al. 2022",
                                  "top-1 of clusters whose members are kept alike and take turns resting",
                                  written_from::description};
  cluster_choice select{};
  selected_score gate{};
  sum_of<switch_loss, cluster_variance> balance{};
};

/// One or two experts, as attention says how much a token matters: by what it looks for in others.
struct da_moe_card : smoe_card {
  static constexpr card_text text{"da-moe", "Akhavan Aghdam et al. 2024",
                                  "more experts for tokens that look at others more than at themselves",
                                  written_from::description};
  top_k_by_importance select{};
  attention_with_importance<attention_to_others> attention{};
};

using choosing_cards =
    card_list<top_p_card, expert_choice_card, bounded_expert_choice_card, adamoe_card, sigma_tiny_card, gw_moe_card,
              smile_card, maskmoe_card, dynmoe_card, capacity_aware_card, sinkhorn_card, sinkhorn_expert_choice_card,
              sparse_transport_card, usmoe_card, task_moe_card, moec_card, da_moe_card>;
template <>
inline constexpr group_text group_of<choosing_cards>{"choosing", "who chooses whom, and how many?"};

}  // namespace gmoe
