#pragma once
/// For the files of this folder: a card that is right, and what is tried on it.

#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/check_card.hpp"
#include "gmoe/moe/form/one_pass.hpp"

using namespace gmoe;

/// True, or the compiler says what is wrong with the policy.
template <class Policy>
inline constexpr bool fits = check_card<with<switch_card, Policy>, shapes>();
