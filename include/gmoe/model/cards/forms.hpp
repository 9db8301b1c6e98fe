#pragma once
/// Layers of another shape: experts that see more than x, trees instead of a list, paths instead of a sum.

#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/strata_loss.hpp"
#include "gmoe/moe/body/merged_expert.hpp"
#include "gmoe/moe/candidates/strata_ahead.hpp"
#include "gmoe/moe/candidates/successors.hpp"
#include "gmoe/moe/experts/block_pool.hpp"
#include "gmoe/moe/form/chain.hpp"
#include "gmoe/moe/form/depth_modulated.hpp"
#include "gmoe/moe/form/expert_path.hpp"
#include "gmoe/moe/form/film_modulated.hpp"
#include "gmoe/moe/form/in_series.hpp"
#include "gmoe/moe/form/merged_segments.hpp"
#include "gmoe/moe/form/multi_head.hpp"
#include "gmoe/moe/form/soft_slots.hpp"
#include "gmoe/moe/form/stratified.hpp"
#include "gmoe/moe/form/with_codebook.hpp"
#include "gmoe/moe/router/ordered_trees.hpp"
#include "gmoe/moe/router/per_round.hpp"
#include "gmoe/moe/router/strata_gates.hpp"
#include "gmoe/moe/router/tree_router.hpp"
#include "gmoe/moe/score/softmax_or_exit.hpp"
#include "gmoe/moe/select/positive.hpp"
#include "gmoe/moe/select/sampled_or_exit.hpp"

namespace gmoe {

/// A precursor of GMoE in its authors' code: no propagated logits; the router's state and scores change what experts
/// see.
struct gmoe_film_card : gmoe_card {
  static constexpr card_text text{"gmoe-film", detail::gmoe_paper,
                                  "a precursor: router and experts talk by a modulated input instead of logits",
                                  written_from::code};
  global_router<hidden_state, noted_state> router{};
  film_modulated form{};
};

/// Reused experts: blocks of layers share their experts, a depth embedding tells them where they are.
struct more_card : smoe_card {
  static constexpr card_text text{"more", "MoRE, 2026",
                                  "top-2 of experts that neighbouring layers share, which see a depth embedding"};
  block_pool experts{};
  selected_score gate{};
  depth_modulated form{};
};

/// k trees over the experts learn which of them a token needs.
struct comet_card : smoe_card {
  static constexpr card_text text{"comet", "Ibrahim et al., KDD 2023",
                                  "two decision trees over the experts, smooth at first and sure later"};
  tree_router router{};
  plain_score score{};
  positive select{};
  selected_score gate{};
  no_balance balance{};
};

/// The same, with a local search over the order of the leaves.
struct comet_plus_card : comet_card {
  static constexpr card_text text{"comet-plus", "Ibrahim et al., KDD 2023",
                                  "comet, which learns in the first steps which expert is at which leaf"};
  ordered_trees router{};
};

/// A path through a graph of experts, drawn step by step until it leaves.
struct raytraced_card : smoe_card {
  static constexpr card_text text{"raytraced", "Perin et al. 2025",
                                  "paths of experts on a ring, drawn step by step, that end by themselves",
                                  written_from::description};
  successors candidates{};
  softmax_or_exit score{};
  sampled_or_exit select{};
  selected_score gate{};
  no_balance balance{};
  expert_path form{};
};

/// Experts in a chain: what one round added is routed again in the next.
struct chain_of_experts_card : smoe_card {
  static constexpr card_text text{"chain-of-experts", "Wang et al. 2025",
                                  "two rounds of top-1 within a layer, each with a router of its own"};
  per_round<linear_router> router{};
  top_k select{.k = 1};
  selected_score gate{};
  chain form{};
};

/// Experts of mixtures of tokens. There is no choice that a score, a selection or a balance could make.
struct soft_moe_card {
  static constexpr card_text text{"soft-moe", "Puigcerver et al., ICLR 2024",
                                  "experts get mixtures of a sequence's tokens, in evaluation of those read so far"};
  layer_pool experts{};
  relu_expert body{};
  linear_router router{};
  soft_slots form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

/// Experts in strata: how many mixtures a token meets depends on which experts it asks.
struct stratified_card : smoe_card {
  static constexpr card_text text{"stratified", "Xu et al., Findings of EMNLP 2023",
                                  "top-2 within strata of experts, again until the best one is of the last stratum"};
  strata_gates router{};
  strata_ahead candidates{};
  strata_loss balance{};
  stratified form{};
};

/// One expert for a text, merged from all of them.
struct smear_card {
  static constexpr card_text text{"smear", "Muqeeth et al., TMLR 2024",
                                  "one expert merged from all, for a sequence, in evaluation for each of its segments"};
  layer_pool experts{};
  merged_expert<fn::relu> body{};
  linear_router router{};
  merged_segments form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

/// Parts of tokens are routed by themselves.
struct multi_head_card : smoe_card {
  static constexpr card_text text{"mh-moe", "Wu et al., NeurIPS 2024",
                                  "tokens are cut into parts that are routed by themselves, and joined again",
                                  written_from::code};
  multi_head form{};
};

/// The same with narrower and more experts: parameters and products of a mixture of the model's sizes.
struct multi_head_v2_card : multi_head_card {
  static constexpr card_text text{"mh-moe-v2", "Huang et al. 2024",
                                  "mh-moe with experts such that it costs what smoe costs", written_from::description};
  multi_head_at_parity form{};
};

/// One half of a Cartesian product: narrow experts, of which one is for every token.
struct cartesian_level : smoe_card {
  local_expert always{};
  top_k select{.k = 1};
  selected_score gate{};
};

/// Experts are pairs: every expert of the first mixture with every one of the second.
struct cartesian_card {
  static constexpr card_text text{"cartesian", "Su et al. 2024",
                                  "two mixtures of half-width experts in series: n and n of them make n^2 pairs",
                                  written_from::description};
  in_series<cartesian_level, cartesian_level> form{.divisor = 2};
  every_block placement{};
  gpt2_feed_forward dense{};
};

/// A token goes to experts as it is, and as the code that is nearest to it.
struct vq_moe_card : smoe_card {
  static constexpr card_text text{"vq-moe", "Do et al. 2024",
                                  "top-2 of the token, and the expert of the code that is nearest to it",
                                  written_from::description};
  with_codebook form{};
};

using forms_cards = card_list<gmoe_film_card, more_card, comet_card, comet_plus_card, raytraced_card,
                              chain_of_experts_card, soft_moe_card, stratified_card, smear_card, multi_head_card,
                              multi_head_v2_card, cartesian_card, vq_moe_card>;
template <>
inline constexpr group_text group_of<forms_cards>{"forms",
                                                  "what shape has a layer: what do experts see, and is it a sum?"};

}  // namespace gmoe
