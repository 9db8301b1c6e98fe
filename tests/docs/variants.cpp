// The cards and parameter formulas of docs/variants/: each card is that of the library, each formula counts what the
// model has.
#include <array>
#include <iostream>
#include <type_traits>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/language_model.hpp"

namespace pages {

using namespace gmoe;

// clang-format off
// [gmoe]
struct gmoe_card {
  using experts   = global_pool;         // one pool for all layers
  using body      = relu_expert;         // E(x) = W2 relu(W1 x)
  using always    = local_expert;        // one expert per layer that every token visits
  using router    = global_router<hidden_state, propagated_logits>;
  using score     = softmax_score;       // p = softmax(z)
  using select    = top_k<1>;            // e = argmax p
  using capacity  = no_capacity;         // every choice is kept
  using gate      = selected_score;      // w = p_e
  using balance   = switch_loss;         // alpha N sum_i f_i P_i
  using placement = every_block;
  using dense     = gpt2_feed_forward;   // of blocks without a mixture: here there are none
};
// [/gmoe]

// [switch]
struct switch_card {
  using experts   = layer_pool;          // N experts of its own for every layer
  using body      = relu_expert;         // E(x) = W2 relu(W1 x)
  using always    = no_local_expert;     // nothing besides
  using router    = linear_router;       // z = W x
  using score     = softmax_score;       // p = softmax(z)
  using select    = top_k<1>;            // e = argmax p
  using capacity  = limited_capacity<priority::token_order>;
  using gate      = selected_score;      // w = p_e
  using balance   = switch_loss;         // alpha N sum_i f_i P_i
  using placement = every_second_block<>;
  using dense     = gpt2_feed_forward;   // of blocks 1, 3, 5, ...
};
// [/switch]
// clang-format on

// [gmoe-no-local]
using gmoe_no_local_card = with<gmoe_card, no_local_expert>;
// [/gmoe-no-local]
// [gmoe-no-local-top2]
using gmoe_no_local_top2_card =
    with<gmoe_no_local_card, top_k<2>, limited_capacity<priority::token_order, room::tokens>>;
// [/gmoe-no-local-top2]
// [gmoe-no-logits]
using gmoe_no_logits_card = with<gmoe_card, global_router<hidden_state>>;
// [/gmoe-no-logits]
// [gmoe-no-state]
using gmoe_no_state_card = with<gmoe_card, global_router<propagated_logits>>;
// [/gmoe-no-state]
// [gmoe-no-global]
using gmoe_no_global_card = with<gmoe_card, layer_pool>;
// [/gmoe-no-global]
// [gmoe-every-second]
using gmoe_every_second_card = with<gmoe_card, every_second_block<>>;
// [/gmoe-every-second]
// [gmoe-fine-grained]
using gmoe_fine_grained_card = with<gmoe_card, fine_grained<global_pool>, fine_grained_top_k<1>>;
// [/gmoe-fine-grained]

// [switch-se]
using switch_shared_card = with<switch_card, local_expert>;
// [/switch-se]
// [smoe]
using smoe_card = with<switch_card, top_k<2>, renormalised_scores, no_capacity, every_block>;
// [/smoe]
// [gshard]
using gshard_card = with<switch_card, top_k<2>, renormalised_scores, gshard_capacity<priority::within_choice>>;
// [/gshard]
// [gshard-paper]
using gshard_paper_card = with<gshard_card, gshard_capacity<priority::choice_order, room::exact>, gshard_loss>;
// [/gshard-paper]
// [hash]
using hash_card = with<switch_card, hash_router, plain_score, no_capacity, unit_weight, no_balance>;
// [/hash]
// [deepseek-moe]
using deepseek_moe_card = with<switch_card, fine_grained<layer_pool, shared_parts::among>, shared_experts,
                               fine_grained_top_k<2, shared_parts::among>, no_capacity>;
// [/deepseek-moe]
// [dense]
using dense_card = with<switch_card, no_block>;
// [/dense]
// [dense-relu]
using dense_relu_card = with<switch_card, no_block, relu_feed_forward>;
// [/dense-relu]

/// Every slot holds the same answer.
template <class A, class B>
consteval bool same() {
  return std::is_same_v<typename A::experts, typename B::experts> &&
         std::is_same_v<typename A::body, typename B::body> && std::is_same_v<typename A::always, typename B::always> &&
         std::is_same_v<typename A::router, typename B::router> &&
         std::is_same_v<typename A::score, typename B::score> &&
         std::is_same_v<typename A::select, typename B::select> &&
         std::is_same_v<typename A::capacity, typename B::capacity> &&
         std::is_same_v<typename A::gate, typename B::gate> &&
         std::is_same_v<typename A::balance, typename B::balance> &&
         std::is_same_v<typename A::placement, typename B::placement> &&
         std::is_same_v<typename A::dense, typename B::dense>;
}

static_assert(same<gmoe_card, gmoe::gmoe_card>());
static_assert(same<switch_card, gmoe::switch_card>());
static_assert(same<gmoe_no_local_card, gmoe::gmoe_no_local_card>());
static_assert(same<gmoe_no_local_top2_card, gmoe::gmoe_no_local_top2_card>());
static_assert(same<gmoe_no_logits_card, gmoe::gmoe_no_logits_card>());
static_assert(same<gmoe_no_state_card, gmoe::gmoe_no_state_card>());
static_assert(same<gmoe_no_global_card, gmoe::gmoe_no_global_card>());
static_assert(same<gmoe_every_second_card, gmoe::gmoe_every_second_card>());
static_assert(same<gmoe_fine_grained_card, gmoe::gmoe_fine_grained_card>());
static_assert(same<switch_shared_card, gmoe::switch_shared_card>());
static_assert(same<smoe_card, gmoe::smoe_card>());
static_assert(same<gshard_card, gmoe::gshard_card>());
static_assert(same<gshard_paper_card, gmoe::gshard_paper_card>());
static_assert(same<hash_card, gmoe::hash_card>());
static_assert(same<deepseek_moe_card, gmoe::deepseek_moe_card>());
static_assert(same<dense_card, gmoe::dense_card>());
static_assert(same<dense_relu_card, gmoe::dense_relu_card>());

}  // namespace pages

// All different, so that a formula with a wrong letter in it counts wrong.
constexpr gmoe::index_t V = 61, P = 17, d = 16, L = 9, N = 6, m = 36, g = 3, K = 2;
constexpr gmoe::index_t M = (L + 1) / 2;  // blocks with a mixture, where it is every second one

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
// [smoe-parameters]
constexpr auto smoe = backbone + L * (N * 2 * d * m  // experts
                                      + N * d);      // router
// [/smoe-parameters]
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

template <class Card>
bool counts(const char* name, gmoe::index_t expected) {
  gmoe::language_model<Card, gmoe::cpu<float>> model({.vocab = V,
                                                      .positions = P,
                                                      .d_model = d,
                                                      .layers = L,
                                                      .heads = 2,
                                                      .d_ff = m,
                                                      .experts = N,
                                                      .granularity = g,
                                                      .shared_experts = K},
                                                     1, gmoe::build_mode::shapes_only);
  gmoe::index_t total = 0;
  model.each_parameter([&](auto& p) { total += p.size(); });
  if (total != expected)
    std::cerr << name << ": the model has " << total << " parameters, the page says " << expected << "\n";
  return total == expected;
}

// [describe]
void print_card() { std::cout << gmoe::describe<gmoe::switch_card>({.d_model = 64, .layers = 4, .experts = 8}); }
// [/describe]

// [hash-balance]
/// `text` decides which expert gets which byte. Call it once, before training; the table is saved with the model.
template <class B>
void spread_tokens(gmoe::language_model<gmoe::hash_card, B>& model, std::span<const std::uint8_t> text) {
  std::array<std::int64_t, 256> counts{};
  for (const std::uint8_t byte : text) ++counts[byte];
  model.router_shared().balance(counts);
}
// [/hash-balance]

/// Four bytes that occur 4, 3, 2 and 1 times: two experts get 5 tokens each.
bool hash_is_balanced() {
  using B = gmoe::cpu<float>;
  gmoe::language_model<gmoe::hash_card, B> model({.d_model = 4, .layers = 1, .heads = 1, .d_ff = 4, .experts = 2});
  const std::array<std::uint8_t, 10> text{9, 9, 9, 9, 8, 8, 8, 7, 7, 6};
  spread_tokens(model, text);
  const auto table = model.router_shared().bucket.value().to_host();
  return table[9] == 0 && table[8] == 1 && table[7] == 1 && table[6] == 0;
}

int main() {
  print_card();
  bool good = hash_is_balanced();
  good &= counts<gmoe::dense_card>("dense", dense);
  good &= counts<gmoe::dense_relu_card>("dense-relu", dense_relu);
  good &= counts<gmoe::smoe_card>("smoe", smoe);
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
  return good ? 0 : 1;
}
