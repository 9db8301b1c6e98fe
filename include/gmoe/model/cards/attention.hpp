#pragma once
/// Mixtures that are not beside attention, but within it.

#include "gmoe/model/cards/dense.hpp"
#include "gmoe/moe/attention/heads_but_one.hpp"
#include "gmoe/moe/attention/mixture_of_heads.hpp"

namespace gmoe {

/// Heads of attention as experts, in an otherwise dense model.
struct moa_card : dense_card {
  static constexpr card_text text{"moa", "Zhang et al., EMNLP 2022",
                                  "every token chooses its heads of attention, which share keys and values"};
  mixture_of_heads attention{};
};

/// Attention as a mixture of all heads but one each.
struct heads_but_one_card : dense_card {
  static constexpr card_text text{"h-1-heads", "Peng et al., ACL 2020",
                                  "attention as a mixture of all heads but one, weighed by the text so far",
                                  written_from::description};
  heads_but_one attention{};
};

using attention_cards = card_list<moa_card, heads_but_one_card>;
template <>
inline constexpr group_text group_of<attention_cards>{"attention", "what if attention is the mixture?"};

}  // namespace gmoe
