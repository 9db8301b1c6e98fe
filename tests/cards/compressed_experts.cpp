// A token's best experts in full, a vector in place of each of the others, against the equations.
#include "cards/compressed_experts.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/compressed-experts: its equations, differences, reading") {
  card_case c{.card = "compressed-experts"};
  check_equations(c, compressed_equations{});
  c.set = {{"body.main", "2"}, {"select.k", "4"}, {"balance.alpha", "0.3"}};
  compressed_equations more;
  more.main = 2;
  more.k = 4;
  more.alpha = 0.3;
  check_equations(c, more);
  c.training = false;
  check_equations(c, more);
  check_reading(c);
  card_case small{.card = "compressed-experts", .set = {{"select.k", "3"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  small.shape.d_ff = 3;
  check_gradients(small);
}

TEST_CASE("cards/compressed-experts: with all of them in full it is the usual mixture, one expert too") {
  card_case c{.card = "compressed-experts", .set = {{"body.main", "2"}}};
  compressed_equations whole;
  whole.main = 2;
  check_equations(c, whole);
  c.shape.experts = 1;
  c.set = {{"select.k", "1"}};
  whole.experts = whole.k = whole.main = 1;
  check_equations(c, whole);
}
