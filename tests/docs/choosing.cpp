// The cards and parameter formulas of the pages of the family `choosing`.
#include "docs/card_pages.hpp"
#include "gmoe/moe/card_reach.hpp"

namespace pages {

using namespace gmoe;

// [expert-choice]
struct expert_choice_card : smoe_card {
  static constexpr card_text text{"expert-choice", "Zhou et al., NeurIPS 2022",
                                  "experts take tokens, two per token on average"};
  expert_choice select{};  // f = 2
  selected_score gate{};   // w = S_ti
  no_balance balance{};
};
// [/expert-choice]
// [expert-choice-bounded]
struct bounded_expert_choice_card : expert_choice_card {
  static constexpr card_text text{"expert-choice-bounded", "Zhou et al., NeurIPS 2022",
                                  "experts take tokens, by a plan in which no token gets more than two"};
  bounded_expert_choice select{};  // b = 2
};
// [/expert-choice-bounded]
// [adamoe]
struct adamoe_card : smoe_card {
  static constexpr card_text text{"adamoe", "Zeng et al., EMNLP 2024 (Findings)",
                                  "null experts beside the others: tokens differ in how many they need",
                                  written_from::code};
  with_nulls<layer_pool> experts{};     // q = 4
  special_experts<relu_expert> body{};  // null experts give 0
  top_k select{.k = 3};
  scores_over_ordinary gate{};  // shares of what computes
  null_aware_loss balance{};
};
// [/adamoe]
// [sigma-tiny]
struct sigma_tiny_card : smoe_card {
  static constexpr card_text text{"sigma-tiny", "Hu et al. 2025",
                                  "many experts per token in low layers at first, then one everywhere",
                                  written_from::description};
  scheduled_top_k select{};  // 4, 4, 2, 2, then 1
  selected_score gate{};     // w = p_e
};
// [/sigma-tiny]
// [gw-moe]
struct gw_moe_card : smoe_card {
  static constexpr card_text text{"gw-moe", "Wu et al. 2024",
                                  "top-1, but uncertain tokens go to all experts in training", written_from::code};
  broadcast_uncertain select{};  // h = 0.95
  selected_score gate{};         // w = p_i
};
// [/gw-moe]
// [smile]
struct smile_card : smoe_card {
  static constexpr card_text text{"smile", "He et al. 2022",
                                  "top-1 of a product of two softmaxes: node, and place in it"};
  two_level_score score{};  // n = 2
  top_k select{.k = 1};
  selected_score gate{};  // w = a_i b_j
  two_level_loss balance{};
};
// [/smile]
// [maskmoe]
struct maskmoe_card : smoe_card {
  static constexpr card_text text{"maskmoe", "Su et al., EMNLP 2024",
                                  "top-1 among the experts that the token's id may ask: rare ids have one",
                                  written_from::description};
  token_masks candidates{};  // frequent ids may ask all, others one
  top_k select{.k = 1};
  selected_score gate{};  // w = p_e
};
// [/maskmoe]
// [sinkhorn]
struct sinkhorn_card : smoe_card {
  static constexpr card_text text{"sinkhorn", "Liu et al., TMLR 2024",
                                  "tokens take experts by a plan that balances the batch"};
  sinkhorn_top_k select{};  // k = 2
  selected_score gate{};    // w = p
  no_balance balance{};
};
// [/sinkhorn]
// [sinkhorn-expert-choice]
struct sinkhorn_expert_choice_card : sinkhorn_card {
  static constexpr card_text text{"sinkhorn-expert-choice", "Liu et al., TMLR 2024",
                                  "experts take tokens by a plan that balances the batch"};
  sinkhorn_expert_choice select{};  // f = 2
};
// [/sinkhorn-expert-choice]
// [sparse-transport]
struct sparse_transport_card : sinkhorn_card {
  static constexpr card_text text{"sparse-transport", "Liu et al., TMLR 2024",
                                  "experts take tokens by a balanced plan with as many entries as pairs",
                                  written_from::description};
  sparse_transport select{};  // f = 2
};
// [/sparse-transport]
// [usmoe]
struct usmoe_card : smoe_card {
  static constexpr card_text text{"usmoe", "Do et al. 2025",
                                  "experts and tokens compete, the best pairs of the batch are selected",
                                  written_from::description};
  unified_score score{};  // b = 0.5
  best_pairs select{};    // k = 2
  selected_score gate{};  // w = s
  no_balance balance{};
};
// [/usmoe]
// [top-p]
struct top_p_card : smoe_card {
  static constexpr card_text text{"top-p", "Huang et al., ACL 2024",
                                  "as many experts as it takes for their scores to sum to enough"};
  prefix select{.above = 0.4};  // tau = 0.4
  selected_score gate{};        // w = p_e
  sum_of<switch_loss, entropy_loss> balance{};
};
// [/top-p]
// [capacity-aware]
struct capacity_aware_card : smoe_card {
  static constexpr card_text text{"capacity-aware", "He et al. 2025",
                                  "top-2, limited room for the better pairs, the others go to the next best expert"};
  ordered_capacity capacity{};  // better pairs first, the others ask on
  kept_score gate{};            // w = p of who has taken the token
};
// [/capacity-aware]
// [task-moe]
struct task_moe_card : smoe_card {
  static constexpr card_text text{"task-moe", "Ye et al., EMNLP 2022 (Findings)",
                                  "one expert for a whole sequence, which its first token names",
                                  written_from::description};
  per_sequence<linear_router> router{};  // z of the first token, for all
  top_k select{.k = 1};
  straight_through_score gate{};  // w = 1, learns as p_e
};
// [/task-moe]
// [moec]
struct moec_card : smoe_card {
  static constexpr card_text text{"moec", "Xie et al. 2022",
                                  "top-1 of clusters whose members are kept alike and take turns resting",
                                  written_from::description};
  cluster_choice select{};  // q = 2, rho = 0.5
  selected_score gate{};    // w = p_e
  sum_of<switch_loss, cluster_variance> balance{};
};
// [/moec]
// [da-moe]
struct da_moe_card : smoe_card {
  static constexpr card_text text{"da-moe", "Akhavan Aghdam et al. 2024",
                                  "more experts for tokens that look at others more than at themselves",
                                  written_from::description};
  top_k_by_importance select{};                                // k = 2
  attention_with_importance<attention_to_others> attention{};  // a
};
// [/da-moe]
// [da-moe-received]
/// K_t = k r_t / max r, rounded, but at least 1: its reach is the sequence.
using received_card = with<da_moe_card, attention_with_importance<attention_by_others>>;
// [/da-moe-received]
static_assert(reach_of_card<received_card>(false).how == reach::sequence);
static_assert(reach_of_card<da_moe_card>(true).how == reach::past);
// [dynmoe]
struct dynmoe_card : smoe_card {
  static constexpr card_text text{"dynmoe", "Guo et al., ICLR 2025",
                                  "every expert whose threshold a token exceeds, of a pool that grows and shrinks",
                                  written_from::code};
  dynamic_router router{};  // z = s - g
  plain_score score{};      // as it is
  open_experts select{};    // all above 0
  open_share gate{};        // w = 1 / K, learns as z
  no_balance balance{};
};
// [/dynmoe]

bool all_same() {
  bool good = true;
  good &= is_the_librarys<expert_choice_card, gmoe::expert_choice_card>();
  good &= is_the_librarys<bounded_expert_choice_card, gmoe::bounded_expert_choice_card>();
  good &= is_the_librarys<adamoe_card, gmoe::adamoe_card>();
  good &= is_the_librarys<sigma_tiny_card, gmoe::sigma_tiny_card>();
  good &= is_the_librarys<gw_moe_card, gmoe::gw_moe_card>();
  good &= is_the_librarys<smile_card, gmoe::smile_card>();
  good &= is_the_librarys<maskmoe_card, gmoe::maskmoe_card>();
  good &= is_the_librarys<sinkhorn_card, gmoe::sinkhorn_card>();
  good &= is_the_librarys<sinkhorn_expert_choice_card, gmoe::sinkhorn_expert_choice_card>();
  good &= is_the_librarys<sparse_transport_card, gmoe::sparse_transport_card>();
  good &= is_the_librarys<usmoe_card, gmoe::usmoe_card>();
  good &= is_the_librarys<top_p_card, gmoe::top_p_card>();
  good &= is_the_librarys<capacity_aware_card, gmoe::capacity_aware_card>();
  good &= is_the_librarys<task_moe_card, gmoe::task_moe_card>();
  good &= is_the_librarys<moec_card, gmoe::moec_card>();
  good &= is_the_librarys<da_moe_card, gmoe::da_moe_card>();
  good &= is_the_librarys<dynmoe_card, gmoe::dynmoe_card>();
  return good;
}

}  // namespace pages

// All different, so that a formula with a wrong letter in it counts wrong.
constexpr gmoe::index_t V = 61, P = 17, d = 16, L = 9, N = 6, m = 36, n = 3, q = 5;
constexpr auto backbone = V * d + P * d + 2 * d + L * (4 * d * d + 4 * d + 4 * d);
constexpr auto smoe = backbone + L * (N * 2 * d * m + N * d);

// [expert-choice-parameters]
constexpr auto expert_choice = smoe;
// [/expert-choice-parameters]
// [sinkhorn-parameters]
constexpr auto sinkhorn = smoe;
// [/sinkhorn-parameters]
// [usmoe-parameters]
constexpr auto usmoe = smoe;
// [/usmoe-parameters]
// [adamoe-parameters]
constexpr auto adamoe = smoe + L * q * d;  // rows of the router
// [/adamoe-parameters]
// [sigma-tiny-parameters]
constexpr auto sigma_tiny = smoe;
// [/sigma-tiny-parameters]
// [gw-moe-parameters]
constexpr auto gw_moe = smoe;
// [/gw-moe-parameters]
// [smile-parameters]
constexpr auto smile = smoe - L * N * d + L * (n + N / n) * d;
// [/smile-parameters]
// [maskmoe-parameters]
constexpr auto maskmoe = smoe;
// [/maskmoe-parameters]
// [top-p-parameters]
constexpr auto top_p = smoe;
// [/top-p-parameters]
// [capacity-aware-parameters]
constexpr auto capacity_aware = smoe;
// [/capacity-aware-parameters]
// [task-moe-parameters]
constexpr auto task_moe = smoe;
// [/task-moe-parameters]
// [moec-parameters]
constexpr auto moec = smoe;
// [/moec-parameters]
// [da-moe-parameters]
constexpr auto da_moe = smoe;
// [/da-moe-parameters]
// [dynmoe-parameters]
constexpr auto dynmoe = smoe + L * N;  // thresholds; keys are as many as a router
// [/dynmoe-parameters]

int main() {
  const gmoe::sizes s{.vocab = V, .positions = P, .d_model = d, .layers = L, .heads = 2, .d_ff = m, .experts = N};
  bool good = pages::all_same();
  good &= pages::has_parameters<gmoe::top_p_card>(s, top_p);
  good &= pages::has_parameters<gmoe::capacity_aware_card>(s, capacity_aware);
  good &= pages::has_parameters<gmoe::task_moe_card>(s, task_moe);
  good &= pages::has_parameters<gmoe::moec_card>(s, moec);
  good &= pages::has_parameters<gmoe::da_moe_card>(s, da_moe);
  good &= pages::has_parameters<gmoe::dynmoe_card>(s, dynmoe);
  good &= pages::has_parameters<gmoe::expert_choice_card>(s, expert_choice);
  good &= pages::has_parameters<gmoe::bounded_expert_choice_card>(s, expert_choice);
  good &= pages::has_parameters<gmoe::adamoe_card>(s, adamoe, {{"experts.nulls", std::to_string(q)}});
  good &= pages::has_parameters<gmoe::sigma_tiny_card>(s, sigma_tiny);
  good &= pages::has_parameters<gmoe::gw_moe_card>(s, gw_moe);
  good &= pages::has_parameters<gmoe::smile_card>(s, smile, {{"score.nodes", std::to_string(n)}});
  good &= pages::has_parameters<gmoe::maskmoe_card>(s, maskmoe);
  good &= pages::has_parameters<gmoe::sinkhorn_card>(s, sinkhorn);
  good &= pages::has_parameters<gmoe::sinkhorn_expert_choice_card>(s, sinkhorn);
  good &= pages::has_parameters<gmoe::sparse_transport_card>(s, sinkhorn);
  good &= pages::has_parameters<gmoe::usmoe_card>(s, usmoe);
  return good ? 0 : 1;
}
