#pragma once
/// What experts consist of: whole matrices, or what they share with others.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/body/latent.hpp"

namespace gmoe {

/// Latent experts (Liu et al. 2025): all of a layer see a token through one projection.
struct molae_card : smoe_card {
  static constexpr card_text text{"molae", "Liu et al. 2025",
                                  "top-2 of gated experts that see a token through a projection which they share"};
  latent_expert<fn::silu> body{};
};

using bodies_cards = card_list<molae_card>;
template <>
inline constexpr group_text group_of<bodies_cards>{
    "bodies", "what does an expert consist of, and what of it do others have too?"};

}  // namespace gmoe
