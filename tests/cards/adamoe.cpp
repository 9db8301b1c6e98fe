// Null experts beside the others.
#include "cards/adamoe.hpp"
#include "cards/choosing.hpp"
#include "gmoe/model/accounting.hpp"

using namespace gmoe_test;

TEST_CASE("cards/adamoe: its equations, differences, and token by token") {
  card_case c{.card = "adamoe"};
  check_equations(c, adamoe_equations{});
  check_reading(c);
  c.shape.layers = 2;
  c.set = {{"balance.alpha", "0.4"}};
  check_gradients(c);
  adamoe_equations few;
  few.alpha = 0.4;
  few.k = 2;
  few.nulls = 9;
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "2"}, {"experts.nulls", "9"}};
  const auto found = check_equations(c, few);
  // Tokens without any expert that computes.
  bool all_null = false;
  for (const auto& r : found.routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size(); t += 2) all_null = all_null || (chosen[t] >= 4 && chosen[t + 1] >= 4);
  }
  CHECK(all_null);
  c.training = false;
  check_equations(c, few);
}

TEST_CASE("cards/adamoe: without null experts it is the usual mixture; what it costs") {
  check_same({.card = "adamoe", .set = {{"experts.nulls", "0"}, {"select.k", "2"}}}, {.card = "smoe"});
  const gmoe::sizes s = small_sizes();
  const gmoe::adamoe_card card{};
  const auto with_nulls = gmoe::cost_of(s, card), usual = gmoe::cost_of<gmoe::smoe_card>(s);
  CHECK(with_nulls.experts == usual.experts);
  CHECK(with_nulls.router == 2 * usual.router);  // rows for four null experts beside four others
  // Three choices of eight experts, half of which cost nothing, against two of four.
  const index_t expert = 2 * s.d_model * s.d_ff;
  CHECK(with_nulls.active == usual.active + s.layers * expert * 3 / 2 - s.layers * expert * 2);
}
