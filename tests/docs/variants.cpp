// The cards and parameter formulas of docs/variants/: each card is that of the library, each formula counts what the
// model has.
#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_card.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/model/registry.hpp"

namespace pages {

using namespace gmoe;

// clang-format off
// [gmoe]
struct gmoe_card {
  static constexpr card_text text{"gmoe", "Hong & Kim, ACL 2026",
                                  "one pool for all layers, a local expert, a recurrent router with propagated logits", written_from::code};
  global_pool       experts{};     // one pool for all layers
  relu_expert       body{};        // E(x) = W2 relu(W1 x)
  local_expert      always{};      // one expert per layer that every token visits
  global_router<hidden_state, propagated_logits> router{};
  softmax_score     score{};       // p = softmax(z)
  top_k             select{};      // e = argmax p: k is 1
  no_capacity       capacity{};    // every choice is kept
  selected_score    gate{};        // w = p_e
  switch_loss       balance{};     // alpha N sum_i f_i P_i
  every_block       placement{};
  gpt2_feed_forward dense{};       // of blocks without a mixture: here there are none
};
// [/gmoe]

// [switch]
struct switch_card {
  static constexpr card_text text{"switch", "Fedus et al., JMLR 2022",
                                  "top-1 of a private pool, limited capacity, every second block", written_from::code};
  layer_pool         experts{};    // N experts of its own for every layer
  relu_expert        body{};       // E(x) = W2 relu(W1 x)
  no_always          always{};     // nothing besides
  linear_router      router{};     // z = W x
  softmax_score      score{};      // p = softmax(z)
  top_k              select{};     // e = argmax p: k is 1
  limited_capacity   capacity{};   // room for floor(c ceil(T / N)) tokens, the earlier ones first
  selected_score     gate{};       // w = p_e
  switch_loss        balance{};    // alpha N sum_i f_i P_i
  every_second_block placement{};
  gpt2_feed_forward  dense{};      // of blocks 1, 3, 5, ...
};
// [/switch]
// clang-format on

// [gmoe-no-local]
struct gmoe_no_local_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-local", "Hong & Kim, ACL 2026", "gmoe without the local expert",
                                  written_from::code};
  no_always always{};
};
// [/gmoe-no-local]
// [gmoe-no-local-top2]
struct gmoe_no_local_top2_card : gmoe_no_local_card {
  static constexpr card_text text{"gmoe-no-local-top2", "Hong & Kim, ACL 2026",
                                  "gmoe with a second global expert instead of the local one", written_from::code};
  top_k select{.k = 2};
  limited_capacity capacity{.room = room::tokens};
};
// [/gmoe-no-local-top2]
// [gmoe-no-logits]
struct gmoe_no_logits_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-logits", "Hong & Kim, ACL 2026", "gmoe without logit propagation",
                                  written_from::code};
  global_router<hidden_state> router{};
};
// [/gmoe-no-logits]
// [gmoe-no-state]
struct gmoe_no_state_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-state", "Hong & Kim, ACL 2026", "gmoe without the router's hidden state",
                                  written_from::code};
  global_router<propagated_logits> router{};
};
// [/gmoe-no-state]
// [gmoe-no-global]
struct gmoe_no_global_card : gmoe_card {
  static constexpr card_text text{"gmoe-no-global", "Hong & Kim, ACL 2026",
                                  "gmoe with a pool of its own for every layer", written_from::code};
  layer_pool experts{};
};
// [/gmoe-no-global]
// [gmoe-every-second]
struct gmoe_every_second_card : gmoe_card {
  static constexpr card_text text{"gmoe-every-second", "Hong & Kim, ACL 2026", "gmoe in every second block",
                                  written_from::code};
  every_second_block placement{};
};
// [/gmoe-every-second]
// [gmoe-fine-grained]
struct gmoe_fine_grained_card : gmoe_card {
  static constexpr card_text text{"gmoe-fine-grained", "Hong & Kim, ACL 2026",
                                  "gmoe with its global experts split in parts"};
  fine_grained<global_pool> experts{.granularity = 2};  // top_k counts whole experts: of g parts each it chooses g k
};
// [/gmoe-fine-grained]

// [switch-se]
struct switch_shared_card : switch_card {
  static constexpr card_text text{"switch-se", "Fedus et al., JMLR 2022",
                                  "switch with one expert more per layer that every token visits"};
  local_expert always{};
};
// [/switch-se]
// [smoe]
struct smoe_card : switch_card {
  static constexpr card_text text{"smoe", "Shazeer et al., ICLR 2017",
                                  "the usual top-2 mixture: renormalised weights, no capacity, every block"};
  top_k select{.k = 2};
  no_capacity capacity{};
  renormalised_scores gate{};
  every_block placement{};
};
// [/smoe]

// [path-moe]
struct path_moe_card : smoe_card {
  static constexpr card_text text{"path-moe", "Gu et al. 2026",
                                  "a router per block of four layers, private experts, no balance loss"};
  by_block<linear_router> router{};  // B = 4 mixtures share a router
  no_balance balance{};
};
// [/path-moe]

// [omni-router]
struct omni_router_card : switch_card {
  static constexpr card_text text{"omni-router", "Gu et al. 2025", "one router for all layers, top-1, private experts"};
  by_block<linear_router> router{.block = 0};  // all mixtures
  no_capacity capacity{};
  every_block placement{};
};
// [/omni-router]

// [rmoe]
struct rmoe_card : smoe_card {
  static constexpr card_text text{"rmoe", "Qiu et al., ICLR 2025",
                                  "a GRU over depth between private projections and private heads", written_from::code};
  narrow<recurrent_router<>> router{};        // r = 32
  joint_switch_loss balance{.alpha = 0.001};  // over all layers together
};
// [/rmoe]

// [llama-smoe]
struct llama_smoe_card : smoe_card {
  static constexpr card_text text{"llama-smoe", "Jiang et al. 2024",
                                  "the usual top-2 mixture of SwiGLU experts in a modern backbone", written_from::code};
  swiglu_expert body{};
  llama_attention attention{};
  rms_norms norm{};
  no_positions positions{};
  own_head head{};
};
// [/llama-smoe]
// [gshard]
struct gshard_card : switch_card {
  static constexpr card_text text{"gshard", "Lepikhin et al., ICLR 2021",
                                  "top-2, random second choice, capacity for each choice; as GMoE's authors ran it",
                                  written_from::code};
  top_k select{.k = 2};
  gshard_capacity capacity{.order = priority::within_choice};
  renormalised_scores gate{};
};
// [/gshard]
// [gshard-paper]
struct gshard_paper_card : gshard_card {
  static constexpr card_text text{"gshard-paper", "Lepikhin et al., ICLR 2021",
                                  "top-2, random second choice after all first ones, loss on first choices"};
  gshard_capacity capacity{.order = priority::choice_order, .room = room::exact};
  gshard_loss balance{};
};
// [/gshard-paper]
// [hash]
struct hash_card : switch_card {
  static constexpr card_text text{"hash", "Roller et al., NeurIPS 2021", "the token id decides, through a fixed table",
                                  written_from::code};
  hash_router router{};
  plain_score score{};
  no_capacity capacity{};
  unit_weight gate{};
  no_balance balance{};
};
// [/hash]
// [deepseek-moe]
struct deepseek_moe_card : switch_card {
  static constexpr card_text text{"deepseek-moe", "Dai et al., ACL 2024",
                                  "fine-grained experts, some of them shared by all tokens"};
  fine_grained<layer_pool> experts{.shared_experts = 1};  // K parts of the pool are set aside
  shared_experts always{};                                // and computed here
  top_k select{.k = 2};                                   // whole experts: g k - K parts
  no_capacity capacity{};
};
// [/deepseek-moe]
// [dense]
struct dense_card : switch_card {
  static constexpr card_text text{"dense", "Radford et al. 2019",
                                  "GPT-2's feed-forward layer in every block, no mixture"};
  no_block placement{};
};
// [/dense]
// [dense-relu]
struct dense_relu_card : dense_card {
  static constexpr card_text text{"dense-relu", "", "a dense model with the experts' body: ReLU, no biases"};
  relu_feed_forward dense{};
};
// [/dense-relu]
// [moa]
struct moa_card : dense_card {
  static constexpr card_text text{"moa", "Zhang et al., EMNLP 2022",
                                  "every token chooses its heads of attention, which share keys and values"};
  mixture_of_heads attention{};
};
// [/moa]
// [h-1-heads]
struct heads_but_one_card : dense_card {
  static constexpr card_text text{"h-1-heads", "Peng et al., ACL 2020",
                                  "attention as a mixture of all heads but one, weighed by the text so far",
                                  written_from::description};
  heads_but_one attention{};
};
// [/h-1-heads]

// [gmoe-film]
struct gmoe_film_card : gmoe_card {
  static constexpr card_text text{"gmoe-film", "Hong & Kim, ACL 2026",
                                  "a precursor: router and experts talk by a modulated input instead of logits",
                                  written_from::code};
  global_router<hidden_state, noted_state> router{};  // notes h in the routing
  film_modulated form{};                              // x~ from h, p and x
};
// [/gmoe-film]
// [more]
struct more_card : smoe_card {
  static constexpr card_text text{"more", "MoRE, 2026",
                                  "top-2 of experts that neighbouring layers share, which see a depth embedding"};
  block_pool experts{};    // R = 2 layers share their experts
  selected_score gate{};   // w = p_e, not renormalised
  depth_modulated form{};  // x' = x + dep
};
// [/more]
// [comet]
struct comet_card : smoe_card {
  static constexpr card_text text{"comet", "Ibrahim et al., KDD 2023",
                                  "two decision trees over the experts, smooth at first and sure later"};
  tree_router router{};  // makes the weights w
  plain_score score{};   // which are the scores
  positive select{};     // every expert with w > 0, lower numbers first
  selected_score gate{};
  no_balance balance{};
};
// [/comet]
// [comet-plus]
struct comet_plus_card : comet_card {
  static constexpr card_text text{"comet-plus", "Ibrahim et al., KDD 2023",
                                  "comet, which learns in the first steps which expert is at which leaf"};
  ordered_trees router{};
};
// [/comet-plus]
// [raytraced]
struct raytraced_card : smoe_card {
  static constexpr card_text text{"raytraced", "Perin et al. 2025",
                                  "paths of experts on a ring, drawn step by step, that end by themselves",
                                  written_from::description};
  successors candidates{};   // F = 2 experts may follow each
  softmax_or_exit score{};   // p over candidates and exit
  sampled_or_exit select{};  // one of them is drawn
  selected_score gate{};     // w = p_e
  no_balance balance{};
  expert_path form{};  // S = 3 steps
};
// [/raytraced]
// [chain-of-experts]
struct chain_of_experts_card : smoe_card {
  static constexpr card_text text{"chain-of-experts", "Wang et al. 2025",
                                  "two rounds of top-1 within a layer, each with a router of its own"};
  per_round<linear_router> router{};  // W_j
  top_k select{.k = 1};               // so that two rounds cost what smoe's top-2 costs
  selected_score gate{};              // w = p_e
  chain form{};                       // C = 2 rounds
};
// [/chain-of-experts]
// [soft-moe]
struct soft_moe_card {
  static constexpr card_text text{"soft-moe", "Puigcerver et al., ICLR 2024",
                                  "experts get mixtures of a sequence's tokens, in evaluation of those read so far"};
  layer_pool experts{};
  relu_expert body{};
  linear_router router{};  // Phi
  soft_slots form{};       // s = 1; it uses these three, and there are no others
  every_block placement{};
  gpt2_feed_forward dense{};
};
// [/soft-moe]
// [stratified]
struct stratified_card : smoe_card {
  static constexpr card_text text{"stratified", "Xu et al., Findings of EMNLP 2023",
                                  "top-2 within strata of experts, again until the best one is of the last stratum"};
  strata_gates router{};      // W_s
  strata_ahead candidates{};  // those of stratum s and after it
  strata_loss balance{};
  stratified form{};  // S = 4 strata
};
// [/stratified]
// [smear]
struct smear_card {
  static constexpr card_text text{"smear", "Muqeeth et al., TMLR 2024",
                                  "one expert merged from all, for a sequence, in evaluation for each of its segments"};
  layer_pool experts{};
  merged_expert<fn::relu> body{};  // E_theta, theta = sum_i p_i theta_i
  linear_router router{};          // W, of a mean
  merged_segments form{};          // it uses these three, and there are no others
  every_block placement{};
  gpt2_feed_forward dense{};
};
// [/smear]
// [mh-moe]
struct multi_head_card : smoe_card {
  static constexpr card_text text{"mh-moe", "Wu et al., NeurIPS 2024",
                                  "tokens are cut into parts that are routed by themselves, and joined again",
                                  written_from::code};
  multi_head form{};  // h = 2
};
// [/mh-moe]
// [mh-moe-v2]
struct multi_head_v2_card : multi_head_card {
  static constexpr card_text text{"mh-moe-v2", "Huang et al. 2024",
                                  "mh-moe with experts such that it costs what smoe costs", written_from::description};
  multi_head_at_parity form{};  // multi_head with m' and N' for m and N
};
// [/mh-moe-v2]
// [cartesian-level]
struct cartesian_level : smoe_card {
  local_expert always{};  // the shared sub-expert
  top_k select{.k = 1};
  selected_score gate{};  // w = p_e
};
// [/cartesian-level]
// [cartesian]
struct cartesian_card {
  static constexpr card_text text{"cartesian", "Su et al. 2024",
                                  "two mixtures of half-width experts in series: n and n of them make n^2 pairs",
                                  written_from::description};
  in_series<cartesian_level, cartesian_level> form{.divisor = 2};
  every_block placement{};
  gpt2_feed_forward dense{};
};
// [/cartesian]
// [vq-moe]
struct vq_moe_card : smoe_card {
  static constexpr card_text text{"vq-moe", "Do et al. 2024",
                                  "top-2 of the token, and the expert of the code that is nearest to it",
                                  written_from::description};
  with_codebook form{};  // v, W_a
};
// [/vq-moe]
// [nested]
struct nested_card : smoe_card {
  static constexpr card_text text{"nested", "Jain et al., NeurIPS 2024",
                                  "all, half, a quarter, ... of one dense layer for a token, by a budget",
                                  written_from::description};
  nested_pool experts{};   // the rings between nested experts
  nested_choice select{};  // rings 0 to e
  nested_weight gate{};    // 1 + a p_e
  no_balance balance{};
};
// [/nested]
// [moe-plus-plus]
struct moe_plus_plus_card : smoe_card {
  static constexpr card_text text{"moe-plus-plus", "Jin et al., ICLR 2025",
                                  "top-2 of experts of which some cost nothing, logits that travel"};
  mixed_pool experts{};                      // beside the ordinary ones: 1 null, 1 copy, 2 constants
  special_experts<relu_expert> body{};       // E
  gating_residuals<linear_router> router{};  // W, W_g
  selected_score gate{};                     // p_e
  kinds_loss balance{};                      // alpha = 0.01, tau = 0.75
};
// [/moe-plus-plus]
// [noisy-top-k]
struct noisy_top_k_card : smoe_card {
  static constexpr card_text text{"noisy-top-k", "Shazeer et al., ICLR 2017",
                                  "top-2 of logits with learned noise, losses on importance and load"};
  noisy<linear_router> router{};  // z' and e s; notes z' and s
  importance_and_load balance{};
};
// [/noisy-top-k]
// [xmoe-threshold]
struct xmoe_threshold_card : smoe_card {
  static constexpr card_text text{"xmoe-threshold", "Yang et al., Findings of ACL 2024",
                                  "small experts, as many as it takes for 0.9 of the scores, by priority",
                                  written_from::code};
  fine_grained<layer_pool> experts{.granularity = 4};  // g
  gelu_expert body{};
  prefix select{.above = 0.9};            // θ
  ranked_capacity capacity{.factor = 5};  // γ
  scores_over_kept gate{};                // over I', not over I
  winners_loss balance{};
};
// [/xmoe-threshold]
// [stable-moe]
struct stable_moe_card : smoe_card {
  static constexpr card_text text{"stable-moe", "Dai et al., ACL 2022",
                                  "top-1 that a table of token ids learns, which then decides for good",
                                  written_from::code};
  centroid_router router{};     // a
  sigmoid_score score{};        // g of every expert
  distilled_choice select{};    // s, in both stages; teaches and adds both losses
  limited_capacity capacity{};  // c = 1.25
  selected_score gate{};
  no_balance balance{};
};
// [/stable-moe]
// [hyper-moe]
struct hyper_moe_card : noisy_top_k_card {
  static constexpr card_text text{"hyper-moe", "Zhao et al., ACL 2024",
                                  "noisy top-1, and a network made of what the other experts know", written_from::code};
  hyper_adapter always{};
  top_k select{.k = 1};
  selected_score gate{};  // renormalised, a single weight would be 1
};
// [/hyper-moe]
// [mowe]
struct mowe_card : hash_card {
  static constexpr card_text text{"mowe", "dos Santos et al. 2023",
                                  "the word so far decides, through a fixed table; one pool for all layers",
                                  written_from::description};
  global_pool experts{};
  frozen_experts<relu_expert> body{};  // as long as `from` is -1, they train
  word_router router{};
};
// [/mowe]
// [thor]
struct thor_card : hash_card {
  static constexpr card_text text{"thor", "Zuo et al., ICLR 2022",
                                  "an expert drawn for the sequence; in training two, which are to agree",
                                  written_from::description};
  drawn_router router{};  // agreement = 5
  every_block placement{};
};
// [/thor]

// [combinations]
/// Blocks of two layers share their experts; the router is GMoE's recurrent one.
using recurrent_more_card = with<gmoe_card, block_pool, depth_modulated, global_router<hidden_state>>;
/// GMoE, whose experts know in which layer they are asked.
using placed_gmoe_card = with<gmoe_card, depth_modulated>;
// [/combinations]

// [gmoe-switches]
/// A router whose state, and what it reads, has 32 numbers instead of d_model.
using narrow_router = narrow<global_router<hidden_state, propagated_logits>>;
/// One such router for every four layers, heads included; state and logits travel through all of them.
using switched_gmoe_card = with<gmoe_card, by_block<narrow_router>, depth_modulated, joint_switch_loss>;
// [/gmoe-switches]

// [sigmoid-shared]
struct sigmoid_shared_card : smoe_card {
  static constexpr card_text text{"sigmoid-shared", "DeepSeek-AI 2024",
                                  "top-2 by sigmoid scores beside a shared expert, balanced within sequences"};
  local_expert always{};    // E_s
  sigmoid_score score{};    // s = sigma(z)
  scaled_shares gate{};     // w = scale s / sum over the chosen
  sequence_loss balance{};  // alpha sum_i f_i P_i of each sequence
};
// [/sigmoid-shared]

// [loss-free]
struct loss_free_card : sigmoid_shared_card {
  static constexpr card_text text{"loss-free", "Wang et al. 2024",
                                  "sigmoid-shared with biases on the choice that follow the load"};
  biased_top_k select{};  // of s + b; b follows the load
};
// [/loss-free]

// [remoe]
struct remoe_card : smoe_card {
  static constexpr card_text text{"remoe", "Wang et al., ICLR 2025",
                                  "experts with a positive score, however many, steered to be two on average"};
  relu_score score{};
  positive select{};
  selected_score gate{};
  steered_sparsity balance{};
};
// [/remoe]

// [laplace]
struct laplace_card : smoe_card {
  static constexpr card_text text{"laplace", "Nguyen et al. 2024", "top-2 by the distance from a centroid per expert"};
  keyed_router<learned_keys, negative_distance> router{};
};
// [/laplace]

// [laplace-hierarchical]
struct laplace_hierarchical_card : laplace_card {
  static constexpr card_text text{"laplace-hierarchical", "Nguyen et al. 2024",
                                  "laplace in two levels: distances from groups, and from experts in them"};
  hierarchical_score score{};
};
// [/laplace-hierarchical]

// [cosine-router]
struct cosine_router_card : smoe_card {
  static constexpr card_text text{"cosine-router", "Chi et al., NeurIPS 2022",
                                  "top-1 by the angle between token and expert in few dimensions"};
  cosine_router router{};
  top_k select{};
  selected_score gate{};
};
// [/cosine-router]

// [nexus]
struct nexus_card : smoe_card {
  static constexpr card_text text{"nexus", "Gritsch et al. 2024",
                                  "top-2 by keys made of descriptions of experts, beside a shared expert"};
  local_expert always{};
  keyed_router<described_keys, dot_product> router{};
};
// [/nexus]

// [mixer]
struct mixer_card : smoe_card {
  static constexpr card_text text{"mixer", "MixER, 2025",
                                  "the expert of the nearest centroid; centroids follow their tokens",
                                  written_from::description};
  clustered_router router{};
  top_k select{};
  unit_weight gate{};
  no_balance balance{};
};
// [/mixer]

// [pro-moe]
struct pro_moe_card : smoe_card {
  static constexpr card_text text{"pro-moe", "ProMoE, 2025",
                                  "top-2 by cosines with prototypes that a contrastive loss keeps apart",
                                  written_from::description};
  local_expert always{};
  keyed_router<learned_keys, cosine_similarity> router{};
  prototype_loss balance{};
};
// [/pro-moe]

// [dselect-k]
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
// [/dselect-k]

// [deep-moe-level]
struct deep_moe_level : smoe_card {
  hidden_router router{};
  least_used candidates{};
  everyone select{};
  selected_score gate{};
  no_balance balance{};
};
// [/deep-moe-level]

// [ida-moe]
struct ida_moe_card : smoe_card {
  static constexpr card_text text{"ida-moe", "IDA-MoE, 2025",
                                  "top-2 by Gaussian mixtures that the task does not teach"};
  mixture_router router{};
  no_balance balance{};
};
// [/ida-moe]

// [deep-moe]
struct deep_moe_card {
  static constexpr card_text text{"deep-moe", "Eigen et al., 2013",
                                  "two dense mixtures in every block, the second upon the first"};
  stacked<deep_moe_level, deep_moe_level> form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};
// [/deep-moe]

// [molae]
struct molae_card : smoe_card {
  static constexpr card_text text{"molae", "Liu et al. 2025",
                                  "top-2 of gated experts that see a token through a projection which they share"};
  latent_expert<fn::silu> body{};  // r = d / 2, one projection for all of a layer
};
// [/molae]
// [grove]
struct grove_card : smoe_card {
  static constexpr card_text text{"grove", "Wu et al. 2025",
                                  "top-2, and a small expert for every group that a token has an expert of",
                                  written_from::code};
  with_adjugates<relu_expert> body{};  // groups of q = 2, adjugates of m / 6 hidden units, lambda = 0.05
};
// [/grove]
// [mu-moe]
struct mu_moe_card : smoe_card {
  static constexpr card_text text{"mu-moe", "Oldfield et al., NeurIPS 2024",
                                  "all experts at once, as slices of a tensor that is a sum of few terms",
                                  written_from::code};
  multilinear_experts body{};  // R = 32
  entmax_score score{};        // a: of normalised logits
  everyone select{};           // N of N
  selected_score gate{};       // w = a
  no_balance balance{};
};
// [/mu-moe]
// [compressed-experts]
struct compressed_experts_card : smoe_card {
  static constexpr card_text text{"compressed-experts", "He et al., EMNLP 2025 (Findings)",
                                  "top-2, of which the second is a vector that scales what the first one says",
                                  written_from::description};
  compressed_experts<relu_expert> body{};  // one of k = 2 in full
};
// [/compressed-experts]
// [subspace]
struct subspace_card : smoe_card {
  static constexpr card_text text{"subspace", "Khasia, 2025",
                                  "a dense layer, and the two directions of a basis that say most to a token",
                                  written_from::code};
  rank_one_experts body{};              // <u, x> v
  static_expert<relu_expert> always{};  // F
  clipped_router router{};              // z = W x + b, within 20
  softplus_score score{};               // a
  shares_of_strength gate{};            // q
  strength_loss balance{};
};
// [/subspace]
// [peer]
struct peer_card : smoe_card {
  static constexpr card_text text{"peer", "He 2024",
                                  "two heads, each with the 2 best of many experts of one hidden unit",
                                  written_from::description};
  unit_pool experts{};               // m = 1
  single_units<fn::relu> body{};     // relu(<u, x>) v
  per_round<product_keys> router{};  // q, c and c' of every head
  side_by_side form{};               // H = 2 heads
  no_balance balance{};
};
// [/peer]
// [mov]
struct mov_card : smoe_card {
  static constexpr card_text text{"mov", "Zadouri et al., ICLR 2024",
                                  "all experts at once, as vectors that scale the hidden units of a fixed layer",
                                  written_from::description};
  vectors_on_base<fn::relu> body{};  // l
  everyone select{};                 // N of N
  selected_score gate{};             // w = s
  no_balance balance{};
};
// [/mov]
// [molora]
struct molora_card : mov_card {
  static constexpr card_text text{"molora", "Zadouri et al., ICLR 2024",
                                  "all experts at once, as products of low rank beside the matrices of a fixed layer",
                                  written_from::description};
  low_rank_on_base<fn::relu> body{};  // A and B, r = 4
};
// [/molora]
// [mor1e]
struct mor1e_card : molora_card {
  static constexpr card_text text{"mor1e", "Liu et al. 2024",
                                  "all experts at once, of rank 1, weighed by token and by the kind of the text so far",
                                  written_from::description};
  low_rank_on_base<fn::relu> body{.rank = 1};  // a_e and b_e
  intuitive_router router{};                   // K = 4
};
// [/mor1e]
// [perft]
struct perft_card : smoe_card {
  static constexpr card_text text{"perft", "Liu et al. 2024",
                                  "top-2 of fixed experts, each with a small one beside it that learns",
                                  written_from::description};
  adapted_experts<relu_expert> body{};  // E and A, a = 8
};
// [/perft]
// [aoe]
struct aoe_card : smoe_card {
  static constexpr card_text text{"aoe", "Lv et al. 2025", "the two experts whose own first layer reacts most strongly",
                                  written_from::code};
  autonomous_expert<> body{};
  activation_router<> router{};
  selected_score gate{};
};
// [/aoe]

// [hmoe]
struct hmoe_card : smoe_card {
  static constexpr card_text text{"hmoe", "Wang et al. 2024",
                                  "top-2 of experts of different widths, which is dearer the wider they are"};
  heterogeneous<layer_pool> experts{};  // rho = 2.5
  load_loss balance{.alpha = 0.1, .count = load_count::tokens, .by_width = true};
};
// [/hmoe]

// [hmoe-top-p]
struct hmoe_top_p_card : hmoe_card {
  static constexpr card_text text{"hmoe-top-p", "Wang et al. 2024",
                                  "experts of different widths, as many as it takes for their scores to sum to enough"};
  prefix select{.above = 0.6};
  selected_score gate{};
  sum_of<load_loss, entropy_loss> balance{.first = {.alpha = 0.1, .count = load_count::tokens, .by_width = true},
                                          .second = {.beta = 0.03}};
};
// [/hmoe-top-p]

// [mohge]
struct mohge_card : smoe_card {
  static constexpr card_text text{"mohge", "Ma et al., ACL 2026",
                                  "top-2 of the two best groups of experts, which are wider from group to group",
                                  written_from::description};
  grouped_pool experts{};              // G = 4 groups, rho = 2.5, D = 1
  best_groups candidates{};            // s, and the experts of K = 2 groups
  times_group<softmax_score> score{};  // p = s q
  group_loss balance{};                // between groups and within
};
// [/mohge]

// [rexmoe]
struct rexmoe_card : smoe_card {
  static constexpr card_text text{"rexmoe", "Tan et al. 2025",
                                  "top-2 of the experts of neighbouring layers, which are opened step by step"};
  block_pool experts{.block = 4};  // r
  growing_reuse candidates{};      // t_s = 120, t_e = 360
};
// [/rexmoe]

// [moue]
struct moue_card : smoe_card {
  static constexpr card_text text{"moue", "Chen et al. 2026",
                                  "top-2 of a window on a ring of shared experts, a router that knows a token's path",
                                  written_from::description};
  ring_pool experts{};         // ring = 2 windows, stride = 2, own = 1
  trajectory_router router{};  // state = 32, decay = 0.9
  pool_load_loss balance{};    // by exposure
};
// [/moue]

// [uoe]
struct uoe_card : smoe_card {
  static constexpr card_text text{
      "uoe", "Yang et al. 2025",
      "slices of one dense layer as experts, chosen by tokens, for a share of the text each"};
  sliced_pool experts{};           // N slices of d_ff hidden units
  biased_expert<fn::gelu> body{};  // W2 gelu(W1 x + b1)
  output_bias always{};            // b2
  prefix_quota capacity{};         // half of a text for each
  weights_around_one gate{};       // k p / sum p
};
// [/uoe]

// [uoe-prefix]
struct uoe_prefix_card : uoe_card {
  static constexpr card_text text{"uoe-prefix", "Yang et al. 2025",
                                  "slices of one dense layer, chosen by the text so far, with weight 1"};
  on_prefix<linear_router> router{};
  no_capacity capacity{};
  one_by_score gate{};
};
// [/uoe-prefix]

// [numbers]
/// Switch with two choices per token and another coefficient: the same type of card, other numbers.
constexpr auto switch_top2 = card<switch_card>(top_k{.k = 2}, switch_loss{.alpha = 0.02});
// [/numbers]
static_assert(switch_top2.select.k == 2 && switch_top2.balance.alpha == 0.02);

/// Of a card of these pages, what the library says of its own.
std::string without_pages(std::string text) {
  for (std::size_t at; (at = text.find("pages::")) != std::string::npos;) text.erase(at, 7);
  return text;
}

std::string numbers(const std::vector<setting>& of_card) {
  std::string all;
  for (const setting& s : of_card) all += s.path() + " = " + s.text() + " ";
  return all;
}

/// Every slot holds the same answer with the same numbers, and the texts are the same. A form of cards within holds
/// those of the page: they are compared as text, slot by slot.
template <class A, class B>
bool same() {
  static_assert(text_of<A>.name == text_of<B>.name && text_of<A>.paper == text_of<B>.paper &&
                text_of<A>.summary == text_of<B>.summary);
  bool alike = true;
  for_each_slot([&]<class Slot>(Slot) {
    using mine = answer<A, Slot>;
    if constexpr (std::is_same_v<Slot, slots::form> && !std::is_same_v<mine, answer<B, Slot>>) {
      alike = without_pages(describe(A{})) == describe(B{});
      if (!alike) std::cerr << "the page has\n" << describe(A{}) << "but the card\n" << describe(B{});
    } else {
      static_assert(std::is_same_v<mine, answer<B, Slot>>);
    }
  });
  A card;
  any_card of_library = make_card(text_of<B>.name);  // those of the library come compiled
  of_library.as<B>();                                // throws if the name is another's
  const std::string page = numbers(settings_of(card)), library = numbers(of_library.settings());
  if (page != library) std::cerr << text_of<A>.name << ": the page has " << page << "but the card " << library << "\n";
  return alike && page == library;
}

bool all_same() {
  const bool each[] = {same<gmoe_card, gmoe::gmoe_card>(),
                       same<switch_card, gmoe::switch_card>(),
                       same<gmoe_no_local_card, gmoe::gmoe_no_local_card>(),
                       same<gmoe_no_local_top2_card, gmoe::gmoe_no_local_top2_card>(),
                       same<gmoe_no_logits_card, gmoe::gmoe_no_logits_card>(),
                       same<gmoe_no_state_card, gmoe::gmoe_no_state_card>(),
                       same<gmoe_no_global_card, gmoe::gmoe_no_global_card>(),
                       same<gmoe_every_second_card, gmoe::gmoe_every_second_card>(),
                       same<gmoe_fine_grained_card, gmoe::gmoe_fine_grained_card>(),
                       same<switch_shared_card, gmoe::switch_shared_card>(),
                       same<smoe_card, gmoe::smoe_card>(),
                       same<llama_smoe_card, gmoe::llama_smoe_card>(),
                       same<path_moe_card, gmoe::path_moe_card>(),
                       same<omni_router_card, gmoe::omni_router_card>(),
                       same<rmoe_card, gmoe::rmoe_card>(),
                       same<gshard_card, gmoe::gshard_card>(),
                       same<gshard_paper_card, gmoe::gshard_paper_card>(),
                       same<hash_card, gmoe::hash_card>(),
                       same<deepseek_moe_card, gmoe::deepseek_moe_card>(),
                       same<dense_card, gmoe::dense_card>(),
                       same<dense_relu_card, gmoe::dense_relu_card>(),
                       same<gmoe_film_card, gmoe::gmoe_film_card>(),
                       same<hmoe_card, gmoe::hmoe_card>(),
                       same<hmoe_top_p_card, gmoe::hmoe_top_p_card>(),
                       same<mohge_card, gmoe::mohge_card>(),
                       same<rexmoe_card, gmoe::rexmoe_card>(),
                       same<moue_card, gmoe::moue_card>(),
                       same<uoe_card, gmoe::uoe_card>(),
                       same<uoe_prefix_card, gmoe::uoe_prefix_card>(),
                       same<more_card, gmoe::more_card>(),
                       same<comet_card, gmoe::comet_card>(),
                       same<comet_plus_card, gmoe::comet_plus_card>(),
                       same<raytraced_card, gmoe::raytraced_card>(),
                       same<chain_of_experts_card, gmoe::chain_of_experts_card>(),
                       same<soft_moe_card, gmoe::soft_moe_card>(),
                       same<stratified_card, gmoe::stratified_card>(),
                       same<smear_card, gmoe::smear_card>(),
                       same<multi_head_card, gmoe::multi_head_card>(),
                       same<multi_head_v2_card, gmoe::multi_head_v2_card>(),
                       same<cartesian_card, gmoe::cartesian_card>(),
                       same<vq_moe_card, gmoe::vq_moe_card>(),
                       same<nested_card, gmoe::nested_card>(),
                       same<moe_plus_plus_card, gmoe::moe_plus_plus_card>(),
                       same<sigmoid_shared_card, gmoe::sigmoid_shared_card>(),
                       same<loss_free_card, gmoe::loss_free_card>(),
                       same<remoe_card, gmoe::remoe_card>(),
                       same<laplace_card, gmoe::laplace_card>(),
                       same<laplace_hierarchical_card, gmoe::laplace_hierarchical_card>(),
                       same<cosine_router_card, gmoe::cosine_router_card>(),
                       same<nexus_card, gmoe::nexus_card>(),
                       same<mixer_card, gmoe::mixer_card>(),
                       same<pro_moe_card, gmoe::pro_moe_card>(),
                       same<dselect_k_card, gmoe::dselect_k_card>(),
                       same<ida_moe_card, gmoe::ida_moe_card>(),
                       same<deep_moe_card, gmoe::deep_moe_card>(),
                       same<aoe_card, gmoe::aoe_card>(),
                       same<molae_card, gmoe::molae_card>(),
                       same<grove_card, gmoe::grove_card>(),
                       same<mu_moe_card, gmoe::mu_moe_card>(),
                       same<compressed_experts_card, gmoe::compressed_experts_card>(),
                       same<subspace_card, gmoe::subspace_card>(),
                       same<peer_card, gmoe::peer_card>(),
                       same<mov_card, gmoe::mov_card>(),
                       same<molora_card, gmoe::molora_card>(),
                       same<mor1e_card, gmoe::mor1e_card>(),
                       same<perft_card, gmoe::perft_card>(),
                       same<noisy_top_k_card, gmoe::noisy_top_k_card>(),
                       same<xmoe_threshold_card, gmoe::xmoe_threshold_card>(),
                       same<stable_moe_card, gmoe::stable_moe_card>(),
                       same<hyper_moe_card, gmoe::hyper_moe_card>(),
                       same<mowe_card, gmoe::mowe_card>(),
                       same<thor_card, gmoe::thor_card>(),
                       same<moa_card, gmoe::moa_card>(),
                       same<heads_but_one_card, gmoe::heads_but_one_card>()};
  return std::all_of(std::begin(each), std::end(each), [](bool b) { return b; });
}

}  // namespace pages

// All different, so that a formula with a wrong letter in it counts wrong.
constexpr gmoe::index_t V = 61, P = 17, d = 16, L = 9, N = 6, m = 36, g = 3, K = 2;
constexpr gmoe::index_t M = (L + 1) / 2;  // blocks with a mixture, where it is every second one
constexpr gmoe::index_t G = 3;            // groups of experts, where there are such

// [backbone-parameters]
constexpr auto backbone = V * d + P * d + 2 * d     // token and position embeddings, final norm; the head is tied
                          + L * (4 * d * d + 4 * d  // attention
                                 + 4 * d);          // two norms
// [/backbone-parameters]

// [dense-parameters]
constexpr auto dense = backbone + L * (2 * d * m + m + d);
// [/dense-parameters]
// [dense-relu-parameters]
constexpr auto dense_relu = backbone + L * 2 * d * m;
// [/dense-relu-parameters]
// [moa-parameters]
constexpr auto moa = dense - L * (4 * d * d + 4 * d)  // with other attention: of H = 2 heads
                     + L * (4 * 2 * d                 // W_r, for c = 4 times as many
                            + 2 * 4 * d * d           // W_q and W_o of all of them
                            + 2 * d / 2 * d);         // W_k and W_v, of one
// [/moa-parameters]
// [h-1-heads-parameters]
constexpr auto h_1_heads = dense + L * 64 * (d + 2);  // W_1 and W_2, for H = 2 heads
// [/h-1-heads-parameters]
// [smoe-parameters]
constexpr auto smoe = backbone + L * (N * 2 * d * m  // experts
                                      + N * d);      // router
// [/smoe-parameters]
// [llama-smoe-parameters]
constexpr auto llama_smoe = 2 * V * d + d             // token embedding, head, final norm
                            + L * (3 * d * d + 2 * d  // attention with sharing = 2, two norms
                                   + N * 3 * d * m    // experts
                                   + N * d);          // router
// [/llama-smoe-parameters]
// [hmoe-parameters]
constexpr auto hmoe = smoe;
// [/hmoe-parameters]
// [mohge-parameters]
constexpr auto mohge = smoe + L * G * d;  // centroids
// [/mohge-parameters]
// [rexmoe-parameters]
constexpr auto rexmoe = smoe + (L / 4 * 4) * 3 * N * d    // routers of layers in whole blocks of four
                        + (L % 4) * (L % 4 - 1) * N * d;  // those of a shorter last block
// [/rexmoe-parameters]
// [moue-parameters]
constexpr auto moue = backbone + (2 * N + L) * 2 * d * m  // a ring of two windows, an expert of every layer's own
                      + L * (N + 1) * d                   // W
                      + (L - 1) * (N + 1) * 32            // A
                      + (2 * N + L) * 32;                 // keys
// [/moue-parameters]
// [uoe-parameters]
constexpr auto uoe = backbone + L * (2 * d * m + m + d  // the dense layer
                                     + N * d);          // router
// [/uoe-parameters]
// [switch-parameters]
constexpr auto switch_ = backbone + M * (N * 2 * d * m + N * d)  // experts and router of M blocks
                         + (L - M) * (2 * d * m + m + d);        // feed-forward layers of the others
// [/switch-parameters]
// [switch-se-parameters]
constexpr auto switch_se = switch_ + M * 2 * d * m;
// [/switch-se-parameters]
// [gshard-parameters]
constexpr auto gshard = switch_;
// [/gshard-parameters]
// [hash-parameters]
constexpr auto hash = switch_ - M * N * d;
// [/hash-parameters]
// [deepseek-moe-parameters]
constexpr auto deepseek_moe = backbone +
                              M * (g * N * 2 * d * (m / g)  // all parts, shared ones included
                                   + (g * N - K) * d)       // router over the others
                              + (L - M) * (2 * d * m + m + d);
// [/deepseek-moe-parameters]
// [gmoe-parameters]
constexpr auto gmoe_total = backbone + N * 2 * d * m  // the pool, once
                            + 6 * d * d + 6 * d       // GRU, once
                            + L * (2 * d * m          // local expert
                                   + 2 * d            // LN_h
                                   + 2 * N + d * N    // LN_z, W_z
                                   + N * 2 * d);      // W_g
// [/gmoe-parameters]
/// Three blocks of layers (4, 4 and 1) with routers 32 numbers wide.
constexpr auto gmoe_switched =
    backbone + N * 2 * d * m + 3 * (32 * d + 6 * 32 * 32 + 6 * 32 + 2 * 32 + 2 * N + 3 * 32 * N) + L * (2 * d * m + d);
// [gmoe-no-local-parameters]
constexpr auto gmoe_no_local = gmoe_total - L * 2 * d * m;
// [/gmoe-no-local-parameters]
// [gmoe-no-logits-parameters]
constexpr auto gmoe_no_logits = gmoe_total - L * (2 * N + d * N + N * d);
// [/gmoe-no-logits-parameters]
// [gmoe-no-state-parameters]
constexpr auto gmoe_no_state = gmoe_total - (6 * d * d + 6 * d);
// [/gmoe-no-state-parameters]
// [gmoe-no-global-parameters]
constexpr auto gmoe_no_global = gmoe_total + (L - 1) * N * 2 * d * m;
// [/gmoe-no-global-parameters]
// [gmoe-every-second-parameters]
constexpr auto gmoe_every_second = gmoe_total - (L - M) * (2 * d * m + 2 * d + 2 * N + 3 * d * N)  // M mixtures left
                                   + (L - M) * (2 * d * m + m + d);  // feed-forward layers instead
// [/gmoe-every-second-parameters]
// [gmoe-fine-grained-parameters]
constexpr auto gmoe_fine_grained = gmoe_total + L * (g - 1) * (2 * N + 3 * d * N);  // the router sees g N parts
// [/gmoe-fine-grained-parameters]
// [gmoe-film-parameters]
constexpr auto H = 128 > d / 4 ? 128 : d / 4;
constexpr auto gmoe_film = gmoe_no_logits + L * (2 * d + 2 * N          // LN_c, LN_s
                                                 + d * N                // W_s
                                                 + H * 2 * d + H        // W_1, b_1
                                                 + 2 * d * H + 2 * d);  // W_2, b_2
// [/gmoe-film-parameters]
// [more-parameters]
constexpr auto more = smoe + (L / 2 * 2) * N * d  // routers of layers in whole blocks of R = 2 see N experts more
                      + L * d;                    // dep
// [/more-parameters]
// [comet-parameters]
constexpr auto comet = smoe - L * N * d                              // no linear router, but
                       + L * 2 * ((N - 1) * (d + 1) + N * (d + 1));  // nodes and leaves of k = 2 trees
// [/comet-parameters]
// [comet-plus-parameters]
constexpr auto comet_plus = comet + L * 2 * N * N;
// [/comet-plus-parameters]
// [raytraced-parameters]
constexpr auto raytraced = smoe + L * d;  // a row of the router for the exit
// [/raytraced-parameters]
// [chain-of-experts-parameters]
constexpr auto chain_of_experts = smoe + L * N * d;  // a second router
// [/chain-of-experts-parameters]
// [soft-moe-parameters]
constexpr auto soft_moe = smoe;  // s = 1; each slot more is L N d
// [/soft-moe-parameters]
// [stratified-parameters]
// Here 4 strata of N / 4 experts: gates of N, 3 N / 4, N / 2 and N / 4 rows instead of one of N.
constexpr auto stratified = smoe + L * (3 * N / 4 + N / 2 + N / 4) * d;
// [/stratified-parameters]
// [smear-parameters]
constexpr auto smear = smoe;
// [/smear-parameters]
// [mh-moe-parameters]
constexpr auto mh_moe = backbone + L * (N * 2 * (d / 2) * m  // experts of half a token
                                        + N * (d / 2)        // router
                                        + 2 * (d * d + d));  // head and merge layer
// [/mh-moe-parameters]
// [mh-moe-v2-parameters]
constexpr auto m_v2 = m - d / 2;                                      // m'
constexpr auto N_v2 = (2 * (N * m - d) + m_v2 / 2) / m_v2;            // N', rounded
constexpr auto mh_moe_v2 = backbone + L * (N_v2 * 2 * (d / 2) * m_v2  // experts
                                           + N_v2 * (d / 2)           // router
                                           + 2 * (d * d + d));        // head and merge layer
// [/mh-moe-v2-parameters]
// [cartesian-parameters]
constexpr auto cartesian = backbone + L * (2 * (N + 1) * 2 * d * (m / 2)  // routed and shared sub-experts
                                           + 2 * N * d                    // routers
                                           + 2 * d);                      // the norm between
// [/cartesian-parameters]
// [vq-moe-parameters]
constexpr auto vq_moe = smoe + L * (N + 2) * d;  // codes and W_a
// [/vq-moe-parameters]
// [nested-parameters]
constexpr auto nested = backbone + L * (2 * d * m  // one layer, however many experts it holds
                                        + N * d    // router
                                        + 1);      // a
// [/nested-parameters]
// [moe-plus-plus-parameters]
constexpr auto moe_plus_plus = smoe + L * 4 * d               // rows of the router for four more experts
                               + (L - 1) * (N + 4) * (N + 4)  // W_g
                               + L * 2 * 3 * d;               // two constants: U and v
// [/moe-plus-plus-parameters]
// [sigmoid-shared-parameters]
constexpr auto sigmoid_shared = smoe + L * 2 * d * m;  // a shared expert in every block
// [/sigmoid-shared-parameters]
// [loss-free-parameters]
constexpr auto loss_free = sigmoid_shared;  // biases are a buffer
// [/loss-free-parameters]
// [remoe-parameters]
constexpr auto remoe = smoe;  // lambda is a buffer
// [/remoe-parameters]
// [laplace-parameters]
constexpr auto laplace = smoe;  // a centroid for a row of the gate
// [/laplace-parameters]
// [laplace-hierarchical-parameters]
constexpr auto laplace_hierarchical = laplace + L * 2 * d;  // centroids of G = 2 groups
// [/laplace-hierarchical-parameters]
// [cosine-router-parameters]
constexpr auto cosine_router = smoe - L * N * d              // no linear router, but
                               + L * (16 * d + N * 16 + 1);  // a projection to r = 16, keys, a temperature
// [/cosine-router-parameters]
// [nexus-parameters]
constexpr auto nexus = smoe + L * 2 * d * m - L * N * d             // a shared expert, no linear router, but
                       + L * (N * 16 + 64 * 16 + 64 + d * 64 + d);  // descriptions and their network
// [/nexus-parameters]
// [mixer-parameters]
constexpr auto mixer = smoe - L * N * d;  // centroids are a buffer
// [/mixer-parameters]
// [pro-moe-parameters]
constexpr auto pro_moe = smoe + L * 2 * d * m;  // a shared expert in every block
// [/pro-moe-parameters]
// [dselect-k-parameters]
constexpr auto dselect_k = smoe - L * N * d  // no linear router, but
                           + L * 2 *
                                 (3 * (d + 1)  // 3 bits spell N = 6 experts, for each of k = 2 selectors
                                  + (d + 1));  // and how much it says
// [/dselect-k-parameters]
// [ida-moe-parameters]
constexpr auto ida_moe = smoe - L * N * d                  // no linear router, but
                         + L * (16 * d + 16 + d * 16 + d)  // an autoencoder of width r = 16
                         + L * N * 4 * (2 * 16 + 1);       // and M = 4 Gaussians for each expert
// [/ida-moe-parameters]
// [deep-moe-parameters]
constexpr auto deep_moe = backbone + L * 2 *
                                         (N * 2 * d * m                 // two levels of experts
                                          + 32 * d + 32 + N * 32 + N);  // and a router with 32 hidden units each
// [/deep-moe-parameters]
// [aoe-parameters]
constexpr auto aoe = backbone + L * N * (d / 4 * (d + m) + 2 * m * d);  // W_down and W_up; W_in and W_out
// [/aoe-parameters]
// [molae-parameters]
constexpr auto molae = backbone + L * (2 * (d / 2) * d                  // B_gate and B_up
                                       + N * (2 * m * (d / 2) + m * d)  // A_gate, A_up and W_out of every expert
                                       + N * d);                        // router
// [/molae-parameters]
// [grove-parameters]
constexpr auto grove = smoe + L * (N / 2) * 2 * d * (m / 6);  // an adjugate for every pair of experts
// [/grove-parameters]
// [mu-moe-parameters]
constexpr auto mu_moe = backbone + L * N * d           // router
                        + L * 32 * (N + (d + 1) + m)   // U, V with b, and O of the first layer, R = 32
                        + L * 32 * (N + (m + 1) + d);  // and of the second
// [/mu-moe-parameters]
// [compressed-experts-parameters]
constexpr auto compressed_experts = smoe + L * N * d;  // c
// [/compressed-experts-parameters]
// [subspace-parameters]
constexpr auto subspace = backbone + L * (2 * d * m        // F
                                          + N * 2 * d      // U and V
                                          + d              // gamma
                                          + N * (d + 1));  // W and b
// [/subspace-parameters]
// [peer-parameters]
constexpr auto peer =
    backbone + L * (N * 2 * d                // u and v
                    + 2 * (16 * d + 2 * 16   // of each of H = 2 heads: W and its norm, two halves of r = 8
                           + (2 + 3) * 8));  // keys: N = 6 experts are 2 x 3
// [/peer-parameters]
// [mov-parameters]
constexpr auto mov = backbone + L * (2 * d * m  // W1 and W2
                                     + N * d    // router
                                     + N * m);  // l
// [/mov-parameters]
// [molora-parameters]
constexpr auto molora = backbone + L * (2 * d * m                // W1 and W2
                                        + N * d                  // router
                                        + N * 2 * 4 * (d + m));  // A, B, A' and B', r = 4
// [/molora-parameters]
// [mor1e-parameters]
constexpr auto mor1e = backbone + L * (2 * d * m            // W1 and W2
                                       + N * (d + 4)        // router, K = 4
                                       + N * 2 * (d + m));  // a, b, a' and b'
// [/mor1e-parameters]
// [perft-parameters]
constexpr auto perft = smoe + L * N * 2 * 8 * d;  // D and U, a = 8
// [/perft-parameters]
// [noisy-top-k-parameters]
constexpr auto noisy_top_k = smoe + L * N * d;  // W_noise
// [/noisy-top-k-parameters]
// [xmoe-threshold-parameters]
constexpr auto xmoe_threshold = smoe + L * (g - 1) * N * d;  // the router sees g N experts of m / g
// [/xmoe-threshold-parameters]
// [stable-moe-parameters]
constexpr auto stable_moe = smoe + (V + N) * 50;  // words and head
// [/stable-moe-parameters]
// [hyper-moe-parameters]
constexpr auto hyper_moe = noisy_top_k + N * 32 + L * 8                       // embeddings
                           + (32 + 1) * 64 + (64 + 1) * d + (d + 8 + 1) * 64  // W1, W2, W3, biases
                           + 2 * 16 * 64 * d + 16 * 64 + d * 64;              // the generator
// [/hyper-moe-parameters]
// [mowe-parameters]
constexpr auto mowe = hash - (M - 1) * N * 2 * d * m;  // the pool, once
// [/mowe-parameters]
// [thor-parameters]
constexpr auto thor = smoe - L * N * d;  // no router
// [/thor-parameters]

/// It is in the list.
template <class Card, class... Cards>
consteval bool is_among(std::type_identity<gmoe::card_list<Cards...>>) {
  return (std::is_same_v<Card, Cards> || ...);
}

/// A card of the library by its name, as those come compiled; another as it stands.
template <class Card>
gmoe::any_card card_named([[maybe_unused]] const char* name) {
  if constexpr (is_among<Card>(std::type_identity<gmoe::all_cards::cards>{})) {
    gmoe::any_card card = gmoe::make_card(name);
    card.as<Card>();  // throws if the name is another's
    return card;
  } else {
    return gmoe::any_card(Card{});
  }
}

template <class Card>
bool counts(const char* name, gmoe::index_t expected) {
  const gmoe::sizes s{.vocab = V, .positions = P, .d_model = d, .layers = L, .heads = 2, .d_ff = m, .experts = N};
  gmoe::any_card card = card_named<Card>(name);
  // The numbers of the formulas, where it has such.
  if (gmoe::has_setting(card, "experts.granularity"))
    gmoe::change_setting(card, "experts.granularity", std::to_string(g));
  if (gmoe::has_setting(card, "experts.groups")) gmoe::change_setting(card, "experts.groups", std::to_string(G));
  if (std::is_same_v<Card, gmoe::deepseek_moe_card>)
    gmoe::change_setting(card, "experts.shared_experts", std::to_string(K));
  gmoe::index_t total = 0;
  for (const gmoe::parameter_shape& p : card.parameters(s)) total += p.rows * p.cols;
  if (total != expected)
    std::cerr << name << ": the model has " << total << " parameters, the page says " << expected << "\n";
  return total == expected;
}

// [settings]
/// What `--set balance.alpha=0.02` does, and what a program prints of the numbers of a card.
void print_settings() {
  gmoe::switch_card card;
  gmoe::change_setting(card, "balance.alpha", "0.02");
  gmoe::each_setting(card, [](const gmoe::setting& s) {
    std::cout << s.path() << " = " << s.text() << "  " << s.help() << " (" << s.takes() << ")\n";
  });
}
// [/settings]

// [describe]
void print_card() { std::cout << gmoe::describe<gmoe::switch_card>({.d_model = 64, .layers = 4, .experts = 8}); }
// [/describe]

// [hash-balance]
/// `text` decides which expert gets which byte. Call it once, before training; the table is saved with the model.
template <class B>
void spread_tokens(gmoe::language_model<gmoe::hash_card, B>& model, std::span<const std::uint8_t> text) {
  std::array<std::int64_t, 256> counts{};
  for (const std::uint8_t byte : text) ++counts[byte];
  model.prepare(counts);
}
// [/hash-balance]

/// Four bytes that occur 4, 3, 2 and 1 times: two experts get 5 tokens each.
bool hash_is_balanced() {
  using B = gmoe::cpu<float>;
  gmoe::language_model<gmoe::hash_card, B> model({.d_model = 4, .layers = 1, .heads = 1, .d_ff = 4, .experts = 2});
  const std::array<std::uint8_t, 10> text{9, 9, 9, 9, 8, 8, 8, 7, 7, 6};
  spread_tokens(model, text);
  const auto table = model.moe().mine<gmoe::slots::router>(0).shared.bucket.value().to_host();
  return table[9] == 0 && table[8] == 1 && table[7] == 1 && table[6] == 0;
}

/// What `print` prints stands in docs/variants/README.md as it is.
bool page_shows(void (*print)()) {
  std::ostringstream printed;
  std::streambuf* const screen = std::cout.rdbuf(printed.rdbuf());
  print();
  std::cout.rdbuf(screen);
  std::ifstream file("docs/variants/README.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const bool found = page.find("```text\n" + printed.str() + "```\n") != std::string::npos;
  if (!found) std::cerr << "docs/variants/README.md does not show what is printed:\n" << printed.str();
  return found;
}

int main() {
  bool good = hash_is_balanced() && pages::all_same();
  good &= page_shows(print_card);
  good &= page_shows(print_settings);
  good &= counts<gmoe::dense_card>("dense", dense);
  good &= counts<gmoe::dense_relu_card>("dense-relu", dense_relu);
  good &= counts<gmoe::smoe_card>("smoe", smoe);
  good &= counts<gmoe::llama_smoe_card>("llama-smoe", llama_smoe);
  good &= counts<gmoe::switch_card>("switch", switch_);
  good &= counts<gmoe::switch_shared_card>("switch-se", switch_se);
  good &= counts<gmoe::gshard_card>("gshard", gshard);
  good &= counts<gmoe::gshard_paper_card>("gshard-paper", gshard);
  good &= counts<gmoe::hash_card>("hash", hash);
  good &= counts<gmoe::deepseek_moe_card>("deepseek-moe", deepseek_moe);
  good &= counts<gmoe::gmoe_card>("gmoe", gmoe_total);
  good &= counts<gmoe::gmoe_no_local_card>("gmoe-no-local", gmoe_no_local);
  good &= counts<gmoe::gmoe_no_local_top2_card>("gmoe-no-local-top2", gmoe_no_local);
  good &= counts<gmoe::gmoe_no_logits_card>("gmoe-no-logits", gmoe_no_logits);
  good &= counts<gmoe::gmoe_no_state_card>("gmoe-no-state", gmoe_no_state);
  good &= counts<gmoe::gmoe_no_global_card>("gmoe-no-global", gmoe_no_global);
  good &= counts<gmoe::gmoe_every_second_card>("gmoe-every-second", gmoe_every_second);
  good &= counts<gmoe::gmoe_fine_grained_card>("gmoe-fine-grained", gmoe_fine_grained);
  good &= counts<pages::recurrent_more_card>("gmoe's router over shared blocks",
                                             gmoe_no_logits + (L - 1) * N * 2 * d * m + (L / 2 * 2) * N * d + L * d);
  good &= counts<pages::placed_gmoe_card>("gmoe with a depth embedding", gmoe_total + L * d);
  good &= counts<pages::switched_gmoe_card>("gmoe with the switches of its family", gmoe_switched);
  good &= counts<gmoe::gmoe_film_card>("gmoe-film", gmoe_film);
  good &= counts<gmoe::more_card>("more", more);
  good &= counts<gmoe::hmoe_card>("hmoe", hmoe);
  good &= counts<gmoe::hmoe_top_p_card>("hmoe-top-p", hmoe);
  good &= counts<gmoe::mohge_card>("mohge", mohge);
  good &= counts<gmoe::rexmoe_card>("rexmoe", rexmoe);
  good &= counts<gmoe::moue_card>("moue", moue);
  good &= counts<gmoe::uoe_card>("uoe", uoe);
  good &= counts<gmoe::uoe_prefix_card>("uoe-prefix", uoe);
  good &= counts<gmoe::comet_card>("comet", comet);
  good &= counts<gmoe::comet_plus_card>("comet-plus", comet_plus);
  good &= counts<gmoe::raytraced_card>("raytraced", raytraced);
  good &= counts<gmoe::chain_of_experts_card>("chain-of-experts", chain_of_experts);
  good &= counts<gmoe::soft_moe_card>("soft-moe", soft_moe);
  good &= counts<gmoe::stratified_card>("stratified", stratified);
  good &= counts<gmoe::smear_card>("smear", smear);
  good &= counts<gmoe::multi_head_card>("mh-moe", mh_moe);
  good &= counts<gmoe::multi_head_v2_card>("mh-moe-v2", mh_moe_v2);
  good &= counts<gmoe::vq_moe_card>("vq-moe", vq_moe);
  good &= counts<gmoe::cartesian_card>("cartesian", cartesian);
  good &= counts<gmoe::nested_card>("nested", nested);
  good &= counts<gmoe::moe_plus_plus_card>("moe-plus-plus", moe_plus_plus);
  good &= counts<gmoe::sigmoid_shared_card>("sigmoid-shared", sigmoid_shared);
  good &= counts<gmoe::loss_free_card>("loss-free", loss_free);
  good &= counts<gmoe::remoe_card>("remoe", remoe);
  good &= counts<gmoe::laplace_card>("laplace", laplace);
  good &= counts<gmoe::laplace_hierarchical_card>("laplace-hierarchical", laplace_hierarchical);
  good &= counts<gmoe::cosine_router_card>("cosine-router", cosine_router);
  good &= counts<gmoe::nexus_card>("nexus", nexus);
  good &= counts<gmoe::mixer_card>("mixer", mixer);
  good &= counts<gmoe::pro_moe_card>("pro-moe", pro_moe);
  good &= counts<gmoe::dselect_k_card>("dselect-k", dselect_k);
  good &= counts<gmoe::ida_moe_card>("ida-moe", ida_moe);
  good &= counts<gmoe::deep_moe_card>("deep-moe", deep_moe);
  good &= counts<gmoe::aoe_card>("aoe", aoe);
  good &= counts<gmoe::molae_card>("molae", molae);
  good &= counts<gmoe::grove_card>("grove", grove);
  good &= counts<gmoe::mu_moe_card>("mu-moe", mu_moe);
  good &= counts<gmoe::compressed_experts_card>("compressed-experts", compressed_experts);
  good &= counts<gmoe::subspace_card>("subspace", subspace);
  good &= counts<gmoe::peer_card>("peer", peer);
  good &= counts<gmoe::mov_card>("mov", mov);
  good &= counts<gmoe::molora_card>("molora", molora);
  good &= counts<gmoe::mor1e_card>("mor1e", mor1e);
  good &= counts<gmoe::perft_card>("perft", perft);
  good &= counts<gmoe::noisy_top_k_card>("noisy-top-k", noisy_top_k);
  good &= counts<gmoe::xmoe_threshold_card>("xmoe-threshold", xmoe_threshold);
  good &= counts<gmoe::stable_moe_card>("stable-moe", stable_moe);
  good &= counts<gmoe::hyper_moe_card>("hyper-moe", hyper_moe);
  good &= counts<gmoe::mowe_card>("mowe", mowe);
  good &= counts<gmoe::thor_card>("thor", thor);
  good &= counts<gmoe::moa_card>("moa", moa);
  good &= counts<gmoe::heads_but_one_card>("h-1-heads", h_1_heads);
  return good ? 0 : 1;
}
