// All experts at once, as slices of tensors that are sums of few terms, against their equations.
#include "cards/mu_moe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/mu-moe: its equations, some weights exactly 0; differences; reading") {
  card_case c{.card = "mu-moe", .set = {{"body.rank", "3"}}};
  mu_equations usual;
  usual.rank = 3;
  std::size_t zeros = 0;
  for (const auto& r : check_equations(c, usual).routings)
    for (const double w : r.weights.value().to_host()) zeros += w == 0;
  CHECK(zeros > 0);
  c.shape.experts = 7;
  mu_equations more;
  more.experts = more.k = 7;
  more.rank = 3;
  c.training = false;
  check_equations(c, more);
  check_reading(c);
  card_case small{.card = "mu-moe", .set = {{"body.rank", "2"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  small.shape.d_ff = 3;
  check_gradients(small);
}

TEST_CASE("cards/mu-moe: one expert is a layer of rank R") {
  card_case c{.card = "mu-moe", .set = {{"body.rank", "2"}}};
  c.shape.experts = 1;
  mu_equations alone;
  alone.experts = alone.k = 1;
  alone.rank = 2;
  for (const auto& r : check_equations(c, alone).routings)
    for (const double w : r.weights.value().to_host()) CHECK(w == 1);
}
