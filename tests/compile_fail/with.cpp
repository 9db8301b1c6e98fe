// expect: gmoe: with<> was given two policies for the slot 'router'
// expect: gmoe: with<> was given a type that fills no slot; a policy says `using slot = gmoe::slots::router`
// expect: gmoe: card<>() sets numbers: each policy must be of the type that the card answers with; another type is
// expect: gmoe: card<>() was given a type that fills no slot
#include "stand_ins/mistakes.hpp"

static_assert(check_slots<with<switch_card, hash_router, plain_score>>());
static_assert(card<switch_card>(switch_loss{.alpha = 2}).balance.alpha == 2);

with<switch_card, linear_router, hash_router> two_for_one_slot;

struct nothing_special {};
with<switch_card, nothing_special> no_policy;

constexpr auto another_variant = card<switch_card>(no_balance{});
constexpr auto no_number = card<switch_card>(0.02);
