#pragma once
/// The cards: every variant, spelled. See docs/variants/ for their equations.

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/always/local_expert.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/capacity/gshard_capacity.hpp"
#include "gmoe/moe/dense/feed_forward.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/gate/gate.hpp"
#include "gmoe/moe/placement/placement.hpp"
#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "gmoe/moe/score/softmax_score.hpp"
#include "gmoe/moe/select/top_k.hpp"

namespace gmoe {

/// GMoE (Hong & Kim, ACL 2026): y = E_local(x) + p_e E_e(x), e = argmax p, one pool for all layers.
struct gmoe_card {
  using experts   = global_pool;
  using body      = relu_expert;
  using always    = local_expert;
  using router    = global_router<hidden_state, propagated_logits>;
  using score     = softmax_score;
  using select    = top_k<1>;
  using capacity  = no_capacity;
  using gate      = selected_score;
  using balance   = switch_loss;
  using placement = every_block;
  using dense     = gpt2_feed_forward;
};

/// Without the local expert.
using gmoe_no_local_card = with<gmoe_card, no_local_expert>;
/// Without logit propagation.
using gmoe_no_logits_card = with<gmoe_card, global_router<hidden_state>>;
/// Without the router's hidden state.
using gmoe_no_state_card = with<gmoe_card, global_router<propagated_logits>>;

/// Switch Transformer (Fedus et al. 2021): top-1 of a private pool, capacity, every second block.
struct switch_card {
  using experts   = layer_pool;
  using body      = relu_expert;
  using always    = no_local_expert;
  using router    = linear_router;
  using score     = softmax_score;
  using select    = top_k<1>;
  using capacity  = limited_capacity<priority::token_order>;
  using gate      = selected_score;
  using balance   = switch_loss;
  using placement = every_second_block<>;
  using dense     = gpt2_feed_forward;
};

/// GShard (Lepikhin et al. 2020): top-2 renormalised, random second choice, capacity. The form run by GMoE's
/// authors; `with<gshard_card, gshard_capacity<priority::choice_order>>` is the paper's rule.
using gshard_card = with<switch_card, top_k<2>, renormalised_scores, gshard_capacity<priority::within_choice>>;

/// No mixture at all: GPT-2's feed-forward layer in every block.
using dense_card = with<switch_card, no_block>;
/// The same with the experts' body: ReLU, no biases.
using dense_relu_card = with<switch_card, no_block, relu_feed_forward>;

}  // namespace gmoe
