#pragma once
/// The backbone that most papers on mixtures use by now.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/attention/llama_attention.hpp"
#include "gmoe/moe/body/gated.hpp"
#include "gmoe/moe/head/own_head.hpp"
#include "gmoe/moe/norm/rms_norms.hpp"
#include "gmoe/moe/positions/no_positions.hpp"

namespace gmoe {

/// Mixtral (Jiang et al. 2024), in any size: RMS norms, rotary positions, heads that share keys and values, SwiGLU
/// experts, a head of its own, no biases. The mixture is that of `smoe`.
struct llama_smoe_card : smoe_card {
  static constexpr card_text text{"llama-smoe", "Jiang et al. 2024",
                                  "the usual top-2 mixture of SwiGLU experts in a modern backbone", written_from::code};
  swiglu_expert body{};
  llama_attention attention{};
  rms_norms norm{};
  no_positions positions{};
  own_head head{};
};

using llama_cards = card_list<llama_smoe_card>;
template <>
inline constexpr group_text group_of<llama_cards>{"llama", "what if the model around the mixtures is a modern one?"};

}  // namespace gmoe
