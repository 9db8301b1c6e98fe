// Strata of experts, one token after the other.
#include "cards/stratified.hpp"

#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/stratified: its equations, differences, reading, padding") {
  card_case c{.card = "stratified"};
  c.shape.layers = 2;
  c.batch = 1;
  c.sequence = 6;
  stratified_equations equations;
  const auto found = check_equations(c, equations);
  REQUIRE(found.routings.size() == 2 * 4);
  index_t before = 0, left = 0;
  for (const auto& r : found.routings) {
    CHECK(r.number <= 3);
    CHECK(bool(r.rows) == (r.number > 0));  // the first round is of all tokens
    if (r.number > 0) CHECK(r.rows->size() == r.chosen.rows());
    left += r.number > 0 && r.chosen.rows() < before;
    before = r.chosen.rows();
  }
  CHECK(left > 0);  // some tokens are through before others
  check_reading(c);
  check_padding(*model_of<GMOE_TEST_BACKEND<double>>(c), true);
  c.shape.layers = 1;
  card_case small = c;
  small.shape.d_ff = 5;
  small.shape.vocab = 5;
  check_gradients(small);

  // Strata of two experts, and of one or two of five; one choice per token.
  equations.strata = 2;
  c.set = {{"form.strata", "2"}};
  check_equations(c, equations);
  equations.experts = c.shape.experts = 5;
  equations.strata = 3;
  equations.k = 1;
  c.set = {{"form.strata", "3"}, {"select.k", "1"}};
  check_equations(c, equations);
}

TEST_CASE("cards/stratified: one stratum is the usual layer; nobody leaves the last one") {
  card_case one{.card = "stratified", .set = {{"form.strata", "1"}}};
  one.shape.layers = 1;
  stratified_equations equations;
  equations.strata = 1;
  check_equations(one, equations);
  one.set.push_back({"balance.alpha", "0"});
  // Names of gates differ: with one expert both weigh by 1.
  card_case usual{.card = "smoe", .set = {{"select.k", "1"}, {"balance.alpha", "0"}}};
  one.set.push_back({"select.k", "1"});
  one.shape.layers = usual.shape.layers = 2;
  one.shape.experts = usual.shape.experts = 1;
  check_same(one, usual);
  CHECK(refusal({.card = "stratified", .set = {{"form.strata", "5"}}}) ==
        "form.strata = 5 is more than the 4 experts of a layer");
  CHECK_THROWS_WITH_AS(card_of({.card = "stratified", .set = {{"form.strata", "0"}}}),
                       "form.strata is 0, expected [1, 1024]", gmoe::config_error);
}
