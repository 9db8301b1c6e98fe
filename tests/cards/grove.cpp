// A small expert for every group that a token has an expert of, against its equations.
#include "cards/grove.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/grove: its equations, groups touched once and twice; differences; reading") {
  card_case c{.card = "grove", .batch = 3};
  std::set<bool> both_of_a_group;
  for (const auto& r : check_equations(c, grove_equations{}).routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t + 1 < chosen.size(); t += 2) both_of_a_group.insert(chosen[t] / 2 == chosen[t + 1] / 2);
  }
  CHECK(both_of_a_group.size() == 2);
  c.set = {
      {"body.group", "3"}, {"body.part", "4"}, {"body.lambda", "0.7"}, {"select.k", "5"}, {"balance.alpha", "0.3"}};
  c.shape.experts = 6;
  grove_equations other;
  other.experts = 6;
  other.group = other.small = 3;
  other.lambda = 0.7;
  other.k = 5;
  other.alpha = 0.3;
  check_equations(c, other);
  c.training = false;
  check_equations(c, other);
  check_reading(c);
  card_case small{.card = "grove", .set = {{"body.lambda", "0.7"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  small.shape.d_ff = 6;
  check_gradients(small);
}

TEST_CASE("cards/grove: without lambda it is the usual mixture; one expert; numbers that do not fit") {
  card_case c{.card = "grove", .set = {{"body.lambda", "0"}}};
  grove_equations usual;
  usual.lambda = 0;
  check_equations(c, usual);
  c.set = {{"body.group", "1"}, {"select.k", "1"}, {"body.part", "100"}};  // an adjugate of one unit
  c.shape.experts = 1;
  grove_equations alone;
  alone.experts = alone.k = alone.group = alone.small = 1;
  check_equations(c, alone);
  c.set = {{"body.group", "2"}};
  c.shape.experts = 3;
  CHECK(refusal(c) == "a layer's 3 of 9 experts are no whole groups of body.group = 2");
}
