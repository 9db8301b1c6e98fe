#pragma once
/// No mixture at all.

#include "gmoe/model/cards/switch.hpp"

namespace gmoe {

struct dense_card : switch_card {
  static constexpr card_text text{"dense", "Radford et al. 2019",
                                  "GPT-2's feed-forward layer in every block, no mixture"};
  no_block placement{};
};

struct dense_relu_card : dense_card {
  static constexpr card_text text{"dense-relu", "", "a dense model with the experts' body: ReLU, no biases"};
  relu_feed_forward dense{};
};

using dense_cards = card_list<dense_card, dense_relu_card>;
template <>
inline constexpr group_text group_of<dense_cards>{"dense", "what does a model without a mixture reach?"};

}  // namespace gmoe
