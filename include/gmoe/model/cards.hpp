#pragma once
/// The cards: every variant, spelled. See docs/variants/ for their equations.

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/always/local_expert.hpp"
#include "gmoe/moe/always/shared_experts.hpp"
#include "gmoe/moe/balance/gshard_loss.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/capacity/gshard_capacity.hpp"
#include "gmoe/moe/dense/feed_forward.hpp"
#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/gate/gate.hpp"
#include "gmoe/moe/placement/placement.hpp"
#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/router/hash_router.hpp"
#include "gmoe/moe/router/jittered.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "gmoe/moe/score/plain_score.hpp"
#include "gmoe/moe/score/softmax_score.hpp"
#include "gmoe/moe/select/fine_grained_top_k.hpp"
#include "gmoe/moe/select/top_k.hpp"

namespace gmoe {

/// GMoE (Hong & Kim, ACL 2026): y = E_local(x) + p_e E_e(x), e = argmax p, one pool for all layers.
// clang-format off
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
// clang-format on

/// Without the local expert.
using gmoe_no_local_card = with<gmoe_card, no_local_expert>;
/// Without the local expert, and a second global one in its place, so that two experts stay active: raw weights, room
/// for c T / N pairs per expert in training. How the authors' code realises this ablation.
using gmoe_no_local_top2_card =
    with<gmoe_no_local_card, top_k<2>, limited_capacity<priority::token_order, room::tokens>>;
/// Without logit propagation.
using gmoe_no_logits_card = with<gmoe_card, global_router<hidden_state>>;
/// Without the router's hidden state.
using gmoe_no_state_card = with<gmoe_card, global_router<propagated_logits>>;
/// Without the global pool: every layer has N experts of its own.
using gmoe_no_global_card = with<gmoe_card, layer_pool>;
/// In every second block; the router's state passes through the others.
using gmoe_every_second_card = with<gmoe_card, every_second_block<>>;
/// Global experts in `granularity` parts each, as many of them active; the local expert stays whole.
using gmoe_fine_grained_card = with<gmoe_card, fine_grained<global_pool>, fine_grained_top_k<1>>;

/// Switch Transformer (Fedus et al. 2021): top-1 of a private pool, capacity, every second block.
// clang-format off
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
// clang-format on

/// Switch with one expert more per layer that every token visits.
using switch_shared_card = with<switch_card, local_expert>;

/// The usual top-2 mixture: renormalised weights, no capacity, every block.
using smoe_card = with<switch_card, top_k<2>, renormalised_scores, no_capacity, every_block>;

/// GShard (Lepikhin et al. 2020): top-2 renormalised, random second choice, capacity. The form run by GMoE's authors.
using gshard_card = with<switch_card, top_k<2>, renormalised_scores, gshard_capacity<priority::within_choice>>;
/// GShard in the paper's form: second choices take what first choices leave, the balance loss counts first choices.
using gshard_paper_card = with<gshard_card, gshard_capacity<priority::choice_order, room::exact>, gshard_loss>;

/// Hash layers (Roller et al. 2021): the token id decides, weight 1, nothing to balance. Give the model the corpus'
/// token counts before training: `model.router_shared().balance(counts)`.
using hash_card = with<switch_card, hash_router, plain_score, no_capacity, unit_weight, no_balance>;

/// DeepSeekMoE (Dai et al. 2024): top-2 of N experts, each split in g = `granularity` parts of which K =
/// `shared_experts` are set aside for every token: g N - K routed, 2 g - K of them active, raw weights, no capacity.
using deepseek_moe_card = with<switch_card, fine_grained<layer_pool, shared_parts::among>, shared_experts,
                               fine_grained_top_k<2, shared_parts::among>, no_capacity>;

/// No mixture at all: GPT-2's feed-forward layer in every block.
using dense_card = with<switch_card, no_block>;
/// The same with the experts' body: ReLU, no biases.
using dense_relu_card = with<switch_card, no_block, relu_feed_forward>;

}  // namespace gmoe
