#pragma once
/// Other scores: what tokens and experts are compared by, how numbers become weights, and what keeps the load even.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/prototype_loss.hpp"
#include "gmoe/moe/balance/sequence_loss.hpp"
#include "gmoe/moe/balance/steered_sparsity.hpp"
#include "gmoe/moe/body/autonomous.hpp"
#include "gmoe/moe/candidates/least_used.hpp"
#include "gmoe/moe/form/stacked.hpp"
#include "gmoe/moe/gate/scaled_shares.hpp"
#include "gmoe/moe/router/activation_router.hpp"
#include "gmoe/moe/router/clustered_router.hpp"
#include "gmoe/moe/router/cosine_router.hpp"
#include "gmoe/moe/router/dselect_router.hpp"
#include "gmoe/moe/router/hidden_router.hpp"
#include "gmoe/moe/router/keyed_router.hpp"
#include "gmoe/moe/router/mixture_router.hpp"
#include "gmoe/moe/score/hierarchical_score.hpp"
#include "gmoe/moe/score/relu_score.hpp"
#include "gmoe/moe/score/sigmoid_score.hpp"
#include "gmoe/moe/select/biased_top_k.hpp"
#include "gmoe/moe/select/everyone.hpp"
#include "gmoe/moe/select/positive.hpp"

namespace gmoe {

/// Sigmoid scores, shares of them as weights, a shared expert, and a weak loss on every sequence.
struct sigmoid_shared_card : smoe_card {
  static constexpr card_text text{"sigmoid-shared", "DeepSeek-AI 2024",
                                  "top-2 by sigmoid scores beside a shared expert, balanced within sequences"};
  local_expert always{};
  sigmoid_score score{};
  scaled_shares gate{};
  sequence_loss balance{};
};

/// The same, and biases that follow the load.
struct loss_free_card : sigmoid_shared_card {
  static constexpr card_text text{"loss-free", "Wang et al. 2024",
                                  "sigmoid-shared with biases on the choice that follow the load"};
  biased_top_k select{};
};

/// Every expert with a positive score; a loss whose weight is steered keeps them few.
struct remoe_card : smoe_card {
  static constexpr card_text text{"remoe", "Wang et al., ICLR 2025",
                                  "experts with a positive score, however many, steered to be two on average"};
  relu_score score{};
  positive select{};
  selected_score gate{};
  steered_sparsity balance{};
};

/// Centroids that are compared by distance.
struct laplace_card : smoe_card {
  static constexpr card_text text{"laplace", "Nguyen et al. 2024", "top-2 by the distance from a centroid per expert"};
  keyed_router<learned_keys, negative_distance> router{};
};

/// First a group by its centroid, then an expert of it.
struct laplace_hierarchical_card : laplace_card {
  static constexpr card_text text{"laplace-hierarchical", "Nguyen et al. 2024",
                                  "laplace in two levels: distances from groups, and from experts in them"};
  hierarchical_score score{};
};

/// X-MoE: directions in a space of few dimensions.
struct cosine_router_card : smoe_card {
  static constexpr card_text text{"cosine-router", "Chi et al., NeurIPS 2022",
                                  "top-1 by the angle between token and expert in few dimensions"};
  cosine_router router{};
  top_k select{};
  selected_score gate{};
};

/// Keys that a network makes of a description of each expert.
struct nexus_card : smoe_card {
  static constexpr card_text text{"nexus", "Gritsch et al. 2024",
                                  "top-2 by keys made of descriptions of experts, beside a shared expert"};
  local_expert always{};
  keyed_router<described_keys, dot_product> router{};
};

/// K-means in place of a trained router.
struct mixer_card : smoe_card {
  static constexpr card_text text{"mixer", "MixER, 2025",
                                  "the expert of the nearest centroid; centroids follow their tokens",
                                  written_from::description};
  clustered_router router{};
  top_k select{};
  unit_weight gate{};
  no_balance balance{};
};

/// Prototypes that are drawn to their tokens and away from others'.
struct pro_moe_card : smoe_card {
  static constexpr card_text text{"pro-moe", "ProMoE, 2025",
                                  "top-2 by cosines with prototypes that a contrastive loss keeps apart",
                                  written_from::description};
  local_expert always{};
  keyed_router<learned_keys, cosine_similarity> router{};
  prototype_loss balance{};
};

/// k selectors spell the numbers of experts in smooth bits.
struct dselect_k_card : smoe_card {
  static constexpr card_text text{"dselect-k", "Hazimeh et al., NeurIPS 2021",
                                  "two selectors that spell an expert's number in bits, smooth at first",
                                  written_from::code};
  dselect_router router{};
  plain_score score{};
  positive select{};
  selected_score gate{};
  no_balance balance{};
};

/// Mixtures of Gaussians that are fitted to the tokens, whatever the task says.
struct ida_moe_card : smoe_card {
  static constexpr card_text text{"ida-moe", "IDA-MoE, 2025",
                                  "top-2 by Gaussian mixtures that the task does not teach"};
  mixture_router router{};
  no_balance balance{};
};

/// A level of a deep mixture: dense, with experts that rest when they have had more than their part.
struct deep_moe_level : smoe_card {
  hidden_router router{};
  least_used candidates{};
  everyone select{};
  selected_score gate{};
  no_balance balance{};
};

/// Two dense mixtures, one upon the other.
struct deep_moe_card {
  static constexpr card_text text{"deep-moe", "Eigen et al., 2013",
                                  "two dense mixtures in every block, the second upon the first"};
  stacked<deep_moe_level, deep_moe_level> form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

/// Experts that say themselves how strongly they react.
struct aoe_card : smoe_card {
  static constexpr card_text text{"aoe", "Lv et al. 2025", "the two experts whose own first layer reacts most strongly",
                                  written_from::code};
  autonomous_expert<> body{};
  activation_router<> router{};
  selected_score gate{};
};

using scoring_cards = card_list<sigmoid_shared_card, loss_free_card, remoe_card, laplace_card,
                                laplace_hierarchical_card, cosine_router_card, nexus_card, mixer_card, pro_moe_card,
                                dselect_k_card, ida_moe_card, deep_moe_card, aoe_card>;
template <>
inline constexpr group_text group_of<scoring_cards>{
    "scoring", "what are tokens and experts compared by, and what keeps the load even?"};

}  // namespace gmoe
