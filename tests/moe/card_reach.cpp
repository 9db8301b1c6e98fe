#include "gmoe/moe/card_reach.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/any_card.hpp"

using namespace gmoe;

TEST_CASE("moe/card_reach: the slot that looks furthest") {
  CHECK(reach_of_card<smoe_card>(true).how == reach::past);
  CHECK(reach_of_card<smoe_card>(true).slot == "attention");
  CHECK(reach_of_card<switch_card>(true).how == reach::batch);
  CHECK(reach_of_card<switch_card>(true).slot == "capacity");
  CHECK(reach_of_card<gshard_card>(true).slot == "capacity");
  CHECK(reach_of_card<switch_card>(false).how == reach::past);
  // Derives from switch_card, but has no mixture whose capacity could look at the batch.
  CHECK(reach_of_card<dense_card>(true).how == reach::past);
}

TEST_CASE("moe/card_reach: every card of the library generates") {
  for (const card_text& text : all_cards::texts) {
    INFO(text.name);
    CHECK(make_card(text.name).reach(false).how == reach::past);
  }
}
