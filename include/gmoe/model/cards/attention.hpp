#pragma once
/// Mixtures that are not beside attention, but within it.

#include "gmoe/model/cards/dense.hpp"
#include "gmoe/moe/attention/mixture_of_heads.hpp"

namespace gmoe {

/// Heads of attention as experts, in an otherwise dense model.
struct moa_card : dense_card {
  static constexpr card_text text{"moa", "Zhang et al., EMNLP 2022",
                                  "every token chooses its heads of attention, which share keys and values"};
  mixture_of_heads attention{};
};

using attention_cards = card_list<moa_card>;
template <>
inline constexpr group_text group_of<attention_cards>{"attention", "what if attention is the mixture?"};

}  // namespace gmoe
