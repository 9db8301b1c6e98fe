// The usual mixture, as the simplest example of a card against its equations.
#include "cards/smoe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/smoe: its equations, differences, and token by token") {
  card_case c{.card = "smoe"};
  check_equations(c, smoe_equations{});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "4"}};
  smoe_equations all;
  all.k = 4;
  all.alpha = 0.4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}
