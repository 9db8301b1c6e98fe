#pragma once
/// GShard (Lepikhin et al. 2020): top-2 renormalised, random second choice, capacity.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/balance/gshard_loss.hpp"
#include "gmoe/moe/capacity/gshard_capacity.hpp"

namespace gmoe {

/// The form run by GMoE's authors.
struct gshard_card : switch_card {
  static constexpr card_text text{"gshard", "Lepikhin et al., ICLR 2021",
                                  "top-2, random second choice, capacity for each choice; as GMoE's authors ran it",
                                  written_from::code};
  top_k select{.k = 2};
  gshard_capacity capacity{.order = priority::within_choice};
  renormalised_scores gate{};
};

/// The paper's form: second choices take what first choices leave, the balance loss counts first choices.
struct gshard_paper_card : gshard_card {
  static constexpr card_text text{"gshard-paper", "Lepikhin et al., ICLR 2021",
                                  "top-2, random second choice after all first ones, loss on first choices"};
  gshard_capacity capacity{.order = priority::choice_order, .room = room::exact};
  gshard_loss balance{};
};

using gshard_cards = card_list<gshard_card, gshard_paper_card>;
template <>
inline constexpr group_text group_of<gshard_cards>{
    "gshard", "what becomes of a second choice, and of choices that find no room?"};

}  // namespace gmoe
