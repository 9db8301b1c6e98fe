// Universal experts on a ring, and a router that knows where a token has been.
#include "cards/moue.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/moue: its equations, differences, and token by token") {
  card_case c{.card = "moue"};  // three windows of 4 on a ring of 8: experts 0 to 3, 2 to 5, 4 to 7, and one besides
  const auto found = check_equations(c, moue_equations(8, 4, 2, 1));
  CHECK(*found.routings[1].visible == std::vector<id_type>{2, 3, 4, 5, 9});
  CHECK(found.routings[1].pool->exposure == std::vector<index_t>{2, 2, 2, 2, 1});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "3"},       {"experts.ring", "1"},  {"experts.own", "2"},
           {"router.state", "3"},    {"router.decay", "0.5"}, {"experts.stride", "3"}};
  moue_equations small(4, 4, 3, 2);  // the ring is a window, which turns
  small.alpha = 0.4;
  small.k = 3;
  small.state = 3;
  small.decay = 0.5;
  check_equations(c, small);
  c.training = false;
  check_equations(c, small);
  c.training = true;
  c.set.push_back({"balance.by_exposure", "false"});
  small.by_exposure = false;
  check_equations(c, small);
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/moue: edges, one layer, one expert, and numbers that do not fit") {
  card_case c{.card = "moue"};
  c.shape.layers = 1;  // the ring is no larger than what is seen
  check_equations(c, moue_equations(4, 4, 2, 1, 1));
  c.shape.layers = 3;
  c.shape.experts = 1;
  c.set = {{"experts.stride", "1"}};
  check_equations(c, moue_equations(2, 1, 1, 1));
  c.set = {{"experts.stride", "2"}};
  CHECK(refusal(c) == "experts.stride = 2 would leave experts between windows of experts = 1 that no layer sees");
  c.set = {{"experts.stride", "1"}, {"experts.own", "0"}};
  CHECK(refusal(c) == "the selection takes 2 experts per token, but block 0 has only 1");
}
