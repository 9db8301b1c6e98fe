// Groups of experts, each of one width, and routing in two levels.
#include "cards/mohge.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

card_case mohge_of(index_t experts) {
  card_case c{.card = "mohge"};
  c.shape.experts = experts;
  return c;
}

}  // namespace

TEST_CASE("cards/mohge: its equations, differences, and token by token") {
  card_case c = mohge_of(8);  // four groups of two, widths around 12
  const auto found = check_equations(c, mohge_equations({7, 7, 10, 10, 14, 14, 17, 17}, 4, 2));
  CHECK(found.routings[1].mask.rows() == 10);
  c = mohge_of(6);
  c.set = {{"experts.groups", "2"},    {"candidates.groups", "1"}, {"experts.ratio", "3"},
           {"balance.between", "0.4"}, {"balance.within", "0.3"},  {"experts.devices", "3"}};
  mohge_equations one({6, 6, 6, 18, 18, 18}, 2, 1);
  one.between = 0.4;
  one.within = 0.3;
  const auto spread = check_equations(c, one);
  CHECK(spread.routings[0].pool->homes == std::vector<index_t>{0, 1, 2, 0, 1, 2});
  c.training = false;
  check_equations(c, one);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/mohge: more experts are asked for than the groups have") {
  card_case c = mohge_of(6);
  c.set = {{"experts.groups", "3"}, {"candidates.groups", "1"}, {"select.k", "3"}};
  mohge_equations few({7, 7, 12, 12, 17, 17}, 3, 1);
  few.k = 3;  // of two
  check_equations(c, few);
}

TEST_CASE("cards/mohge: one group is the usual mixture, and its loss within the group Switch's") {
  card_case c{.card = "mohge", .set = {{"experts.groups", "1"}, {"candidates.groups", "1"}, {"balance.between", "0"}}};
  check_same(c, {.card = "smoe"}, 1e-9);  // shares are of sums + 1e-9
}

TEST_CASE("cards/mohge: equal widths and all groups are a product of two softmaxes") {
  struct product : mohge_equations {
    using mohge_equations::mohge_equations;
    naive::vec scores(const naive::call&, const naive::vec& z) override {
      naive::vec p = naive::softmax(z);
      for (std::size_t i = 0; i < p.size(); ++i) p[i] = p[i] * group_scores.back()[i / (p.size() / groups)];
      return p;
    }
  };
  card_case c{.card = "mohge", .set = {{"experts.groups", "2"}, {"experts.ratio", "1"}}};
  check_equations(c, product({12, 12, 12, 12}, 2, 2));
}

TEST_CASE("cards/mohge: edges, one expert, groups that nobody asks, and numbers that do not fit") {
  card_case c = mohge_of(1);
  c.set = {{"experts.groups", "1"}, {"candidates.groups", "1"}, {"select.k", "1"}};
  mohge_equations alone({12}, 1, 1);
  alone.k = 1;
  check_equations(c, alone);
  c = mohge_of(8);  // two tokens leave some of four groups without one
  c.batch = 1;
  c.sequence = 2;
  c.set = {{"candidates.groups", "1"}, {"balance.within", "3"}};
  mohge_equations idle({7, 7, 10, 10, 14, 14, 17, 17}, 4, 1);
  idle.within = 3;
  check_equations(c, idle);
  CHECK(refusal(mohge_of(6)) == "experts = 6 is not divisible by experts.groups = 4");
  c = mohge_of(8);
  c.set = {{"candidates.groups", "5"}};
  CHECK(refusal(c) == "candidates.groups = 5 of the pool's 4 groups");
  c.set = {{"experts.devices", "3"}};
  CHECK(refusal(c) == "groups of 2 experts cannot be spread evenly over experts.devices = 3");
}
