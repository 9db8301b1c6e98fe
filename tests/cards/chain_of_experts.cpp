// Rounds within a layer, one token after the other.
#include "cards/chain_of_experts.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/chain-of-experts: its equations, differences, reading") {
  const card_case c{.card = "chain-of-experts"};
  chain_equations equations;
  const auto found = check_equations(c, equations);
  REQUIRE(found.routings.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(found.routings[i].number == static_cast<index_t>(i % 2));
  card_case small = c;
  small.shape.layers = 1;
  check_gradients(small);
  check_reading(c);

  equations.rounds = 3;
  equations.k = 2;
  check_equations({.card = "chain-of-experts", .set = {{"form.rounds", "3"}, {"select.k", "2"}}}, equations);
  equations.k = 4;  // everybody, in every round
  check_equations({.card = "chain-of-experts", .set = {{"form.rounds", "3"}, {"select.k", "4"}}}, equations);
}

TEST_CASE("cards/chain-of-experts: one round is the usual layer") {
  const card_case one{.card = "chain-of-experts", .set = {{"form.rounds", "1"}, {"select.k", "2"}}};
  chain_equations equations;
  equations.rounds = 1;
  equations.k = 2;
  check_equations(one, equations);
  card_case alone = one;  // where softmax's weights are renormalised to 1 anyway
  alone.set = {{"form.rounds", "1"}, {"select.k", "1"}};
  alone.shape.experts = 1;
  chain_equations single;
  single.rounds = single.experts = 1;
  check_equations(alone, single);
  CHECK(refusal({.card = "chain-of-experts", .set = {{"select.k", "5"}}}) != "");
  CHECK_THROWS_WITH_AS(card_of({.card = "chain-of-experts", .set = {{"form.rounds", "0"}}}),
                       "form.rounds is 0, expected [1, 1024]", gmoe::config_error);
}

TEST_CASE("cards/chain-of-experts: a round multiplies with a router of its own and k experts") {
  const gmoe::sizes s = small_sizes();
  CHECK(card_with("chain-of-experts", {{"form.rounds", "3"}}).cost(s).multiply_adds ==
        s.vocab * s.d_model +
            s.layers * (4 * s.d_model * s.d_model + 3 * (s.experts * s.d_model + 2 * s.d_model * s.d_ff)));
}
