#include "gmoe/moe/candidates/all_experts.hpp"

#include <doctest/doctest.h>

#include <concepts>

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/hooks.hpp"

using namespace gmoe;

TEST_CASE("moe/candidates/all_experts: what a card that says nothing means, and nothing is asked of it") {
  CHECK(std::same_as<answer<switch_card, slots::candidates>, all_experts>);
  CHECK(std::same_as<answer<with<switch_card, all_experts>, slots::candidates>, all_experts>);
  const auto lacks = []<class Hook>(Hook) { CHECK_FALSE(has_hook<Hook, all_experts>); };
  std::apply([&](auto... hook) { (lacks(hook), ...); }, hooks::all{});
}
