// As many experts as it takes, and a loss on the entropy of the scores.
#include <set>

#include "cards/choosing.hpp"
#include "cards/top_p.hpp"

using namespace gmoe_test;

TEST_CASE("cards/top-p: its equations, differences, and token by token") {
  card_case c{.card = "top-p"};
  check_equations(c, top_p_equations{});
  check_reading(c);
  top_p_equations other;
  other.tau = 0.75;
  other.alpha = 0.3;
  other.beta = 0.2;
  c.set = {{"select.above", "0.75"}, {"balance.switch.alpha", "0.3"}, {"balance.entropy.beta", "0.2"}};
  const auto found = check_equations(c, other);
  std::set<index_t> counts;  // tokens differ in how many experts they take
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (std::size_t t = 0; t < kept.size(); t += 4) {
      const auto first = kept.begin() + static_cast<std::ptrdiff_t>(t);
      counts.insert(4 - std::count(first, first + 4, gmoe::no_choice));
    }
  }
  CHECK(counts.size() >= 3);
  c.training = false;
  check_equations(c, other);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) check_padding(*model, training);
}

TEST_CASE("cards/top-p: nothing is enough at once for one expert, and all for everybody") {
  top_p_equations one, all;
  one.tau = 0;  // the best expert, raw
  all.tau = 1;  // a dense mixture
  check_equations({.card = "top-p", .set = {{"select.above", "0"}}}, one);
  check_equations({.card = "top-p", .set = {{"select.above", "1"}}}, all);
  card_case single{.card = "top-p"};
  single.shape.experts = 1;
  top_p_equations alone;
  alone.experts = 1;
  check_equations(single, alone);
  CHECK_THROWS_WITH_AS(card_of({.card = "top-p", .set = {{"select.above", "1.5"}}}),
                       "select.above is 1.5, expected [0, 1]", gmoe::config_error);
}
