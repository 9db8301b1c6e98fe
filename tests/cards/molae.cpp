// Experts that see a token through a projection which they share, against their equations.
#include "cards/molae.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/molae: its equations, one projection for a layer or one for each group; differences; reading") {
  card_case c{.card = "molae"};
  check_equations(c, molae_equations{});
  c.set = {{"body.rank", "3"}, {"body.group", "2"}, {"select.k", "3"}, {"balance.alpha", "0.4"}};
  molae_equations pairs;
  pairs.rank = 3;
  pairs.group = 2;
  pairs.k = 3;
  pairs.alpha = 0.4;
  check_equations(c, pairs);
  c.set[1].second = "1";  // nothing is shared
  pairs.group = 1;
  c.training = false;
  check_equations(c, pairs);
  check_reading(c);
  card_case small{.card = "molae", .set = {{"body.rank", "2"}, {"body.group", "2"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  small.shape.d_ff = 3;
  check_gradients(small);
}

TEST_CASE("cards/molae: one expert, experts that nobody asks, numbers that do not fit") {
  card_case c{.card = "molae", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  molae_equations alone;
  alone.experts = alone.k = alone.group = 1;
  check_equations(c, alone);
  c = {.card = "molae", .set = {{"select.k", "1"}, {"body.group", "3"}}, .batch = 1, .sequence = 2};
  c.shape.experts = 6;
  molae_equations idle;
  idle.experts = 6;
  idle.k = 1;
  idle.group = 3;
  check_equations(c, idle);
  c.shape.experts = 4;
  CHECK(refusal(c) == "a layer's 4 of 12 experts are no whole groups of body.group = 3");
}
