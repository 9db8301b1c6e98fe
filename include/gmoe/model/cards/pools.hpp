#pragma once
/// What layers see of the experts, and how wide these are.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/load_loss.hpp"
#include "gmoe/moe/balance/pool_load_loss.hpp"
#include "gmoe/moe/experts/heterogeneous.hpp"
#include "gmoe/moe/experts/ring_pool.hpp"
#include "gmoe/moe/router/trajectory_router.hpp"

namespace gmoe {

/// Heterogeneous experts (Wang et al. 2024): widths in arithmetic progression, and a penalty on the parameters that are
/// active.
struct hmoe_card : smoe_card {
  static constexpr card_text text{"hmoe", "Wang et al. 2024",
                                  "top-2 of experts of different widths, which is dearer the wider they are"};
  heterogeneous<layer_pool> experts{};
  load_loss balance{.alpha = 0.1, .count = load_count::tokens, .by_width = true};
};

/// Universal experts (Chen et al. 2026): a ring of experts that every layer sees another part of, and one of its own.
struct moue_card : smoe_card {
  static constexpr card_text text{"moue", "Chen et al. 2026",
                                  "top-2 of a window on a ring of shared experts, a router that knows a token's path",
                                  written_from::description};
  ring_pool experts{};
  trajectory_router router{};
  pool_load_loss balance{};
};

using pools_cards = card_list<hmoe_card, moue_card>;

}  // namespace gmoe
