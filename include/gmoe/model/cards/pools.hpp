#pragma once
/// What layers see of the experts, and how wide these are.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/load_loss.hpp"
#include "gmoe/moe/balance/pool_load_loss.hpp"
#include "gmoe/moe/experts/heterogeneous.hpp"

namespace gmoe {

/// Heterogeneous experts (Wang et al. 2024): widths in arithmetic progression, and a penalty on the parameters that are
/// active.
struct hmoe_card : smoe_card {
  static constexpr card_text text{"hmoe", "Wang et al., EMNLP 2025",
                                  "top-2 of experts of different widths, which is dearer the wider they are"};
  heterogeneous<layer_pool> experts{};
  load_loss balance{.alpha = 0.1, .count = load_count::tokens, .by_width = true};
};

using pools_cards = card_list<hmoe_card>;

}  // namespace gmoe
