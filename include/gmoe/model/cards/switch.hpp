#pragma once
/// The Switch Transformer, and mixtures that differ from it in few answers.

#include "gmoe/model/card_list.hpp"
#include "gmoe/moe/always/local_expert.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/dense/feed_forward.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/gate/gate.hpp"
#include "gmoe/moe/placement/placement.hpp"
#include "gmoe/moe/router/hash_router.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "gmoe/moe/score/plain_score.hpp"
#include "gmoe/moe/score/softmax_score.hpp"
#include "gmoe/moe/select/top_k.hpp"

namespace gmoe {

/// Switch Transformer (Fedus et al. 2021).
struct switch_card {
  static constexpr card_text text{"switch", "Fedus et al., JMLR 2022",
                                  "top-1 of a private pool, limited capacity, every second block", written_from::code};
  // clang-format off
  layer_pool         experts{};
  relu_expert        body{};
  no_always          always{};
  linear_router      router{};
  softmax_score      score{};
  top_k              select{};
  limited_capacity   capacity{};
  selected_score     gate{};
  switch_loss        balance{};
  every_second_block placement{};
  gpt2_feed_forward  dense{};
  // clang-format on
};

struct switch_shared_card : switch_card {
  static constexpr card_text text{"switch-se", "Fedus et al., JMLR 2022",
                                  "switch with one expert more per layer that every token visits"};
  local_expert always{};
};

struct smoe_card : switch_card {
  static constexpr card_text text{"smoe", "Shazeer et al., ICLR 2017",
                                  "the usual top-2 mixture: renormalised weights, no capacity, every block"};
  top_k select{.k = 2};
  no_capacity capacity{};
  renormalised_scores gate{};
  every_block placement{};
};

/// Hash layers (Roller et al. 2021): weight 1, nothing to balance. Give the model the corpus' token counts before
/// training: `model.prepare(counts)`.
struct hash_card : switch_card {
  static constexpr card_text text{"hash", "Roller et al., NeurIPS 2021", "the token id decides, through a fixed table",
                                  written_from::code};
  hash_router router{};
  plain_score score{};
  no_capacity capacity{};
  unit_weight gate{};
  no_balance balance{};
};

using switch_cards = card_list<smoe_card, switch_card, switch_shared_card, hash_card>;
template <>
inline constexpr group_text group_of<switch_cards>{"switch", "what is the usual mixture, and how little does it need?"};

}  // namespace gmoe
