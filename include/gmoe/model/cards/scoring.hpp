#pragma once
/// Other scores: what tokens and experts are compared by, how numbers become weights, and what keeps the load even.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/sequence_loss.hpp"
#include "gmoe/moe/balance/steered_sparsity.hpp"
#include "gmoe/moe/gate/scaled_shares.hpp"
#include "gmoe/moe/score/relu_score.hpp"
#include "gmoe/moe/score/sigmoid_score.hpp"
#include "gmoe/moe/select/biased_top_k.hpp"
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

using scoring_cards = card_list<sigmoid_shared_card, loss_free_card, remoe_card>;

}  // namespace gmoe
