#pragma once
/// DeepSeekMoE (Dai et al. 2024).

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/always/shared_experts.hpp"
#include "gmoe/moe/experts/fine_grained.hpp"

namespace gmoe {

/// Top-2 of N experts, each split in g parts of which K are set aside for every token: g N - K routed, 2 g - K of them
/// active, raw weights, no capacity.
struct deepseek_moe_card : switch_card {
  static constexpr card_text text{"deepseek-moe", "Dai et al., ACL 2024",
                                  "fine-grained experts, some of them shared by all tokens"};
  fine_grained<layer_pool> experts{.shared_experts = 1};
  shared_experts always{};
  top_k select{.k = 2};
  no_capacity capacity{};
};

using deepseek_cards = card_list<deepseek_moe_card>;
template <>
inline constexpr group_text group_of<deepseek_cards>{
    "deepseek", "how finely are experts split, and which parts does every token get?"};

}  // namespace gmoe
