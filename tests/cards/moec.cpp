// Clusters of experts that are kept alike and take turns resting; one expert for a whole sequence.
#include "cards/moec.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/moec: its equations, differences, and token by token") {
  card_case c{.card = "moec"};
  check_equations(c, moec_equations{});
  check_reading(c);
  moec_equations six;
  six.experts = 6;
  six.size = 3;
  six.rest = 0.8;
  six.alpha = 0.2;
  six.beta = 3;
  c.shape.experts = 6;
  c.set = {
      {"select.size", "3"}, {"select.rest", "0.8"}, {"balance.switch.alpha", "0.2"}, {"balance.cluster.beta", "3"}};
  check_equations(c, six);
  c.training = false;
  check_equations(c, six);
  c.training = true;
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) check_padding(*model, training);
  c.shape.layers = 2;
  check_gradients(c);
  CHECK(refusal({.card = "moec", .set = {{"select.size", "3"}}}) ==
        "select.size is 3, expected a divisor of the 4 experts that a layer sees");
}

TEST_CASE("cards/moec: clusters of one without a loss on them are top-1") {
  check_same({.card = "moec", .set = {{"select.size", "1"}, {"balance.cluster.beta", "7"}}},
             {.card = "sigma-tiny", .set = {{"select.until", "0"}}});
}

TEST_CASE("cards/task-moe: its equations, reach, and token by token") {
  card_case c{.card = "task-moe"};
  check_equations(c, task_equations{});
  check_reading(c);
  c.training = false;
  check_equations(c, task_equations{});
  c.training = true;
  c.set = {{"router.noise", "false"}};
  task_equations calm;
  calm.noise = false;
  check_equations(c, calm);
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured <= gmoe::reach::past);
    check_padding(*model, training);
  }
  c.sequence = 1;  // every token for itself
  c.batch = 6;
  check_equations(c, calm);
}
