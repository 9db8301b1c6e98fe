// Experts of neighbouring layers, opened step by step.
#include "cards/rexmoe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/rexmoe: its equations while experts are opened, differences, and token by token") {
  // Two layers of 8, then one of 4, as there is none to reuse from; step t is the one after c.step.
  card_case c{.card = "rexmoe", .set = {{"experts.block", "2"}, {"candidates.start", "3"}, {"candidates.end", "10"}}};
  c.step = 2;  // t = 3
  check_equations(c, rexmoe_equations(2, {4, 4, 4}));
  c.step = 5;  // t = 6: 4 + 4 * 3 / 7
  check_equations(c, rexmoe_equations(2, {5, 5, 4}));
  c.step = 8;  // t = 9: 4 + 4 * 6 / 7
  check_equations(c, rexmoe_equations(2, {7, 7, 4}));
  check_gradients(c);
  c.step = 10;  // t = 11
  c.set.push_back({"select.k", "4"});
  c.set.push_back({"balance.alpha", "0.4"});
  rexmoe_equations all(2, {8, 8, 4});
  all.alpha = 0.4;
  all.k = 4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  c.step = 5;  // in evaluation all of them, as soon as any
  check_equations(c, all);
  check_reading(c);
  c.step = 0;
  rexmoe_equations own(2, {4, 4, 4});
  own.alpha = 0.4;
  own.k = 4;
  check_equations(c, own);
  check_reading(c);
}

TEST_CASE("cards/rexmoe: blocks of three layers") {
  card_case c{.card = "rexmoe"};  // blocks of four
  check_equations(c, rexmoe_equations(4, {4, 4, 4}));
  c.step = 239;  // t = 240: half way
  check_equations(c, rexmoe_equations(4, {8, 8, 8}));
  c.step = 359;
  check_equations(c, rexmoe_equations(4, {12, 12, 12}));
}

TEST_CASE("cards/rexmoe: blocks of one layer are the usual mixture") {
  check_same({.card = "rexmoe", .set = {{"experts.block", "1"}}}, {.card = "smoe"});
  card_case late{.card = "rexmoe", .set = {{"experts.block", "1"}}};
  late.step = 1000;
  check_same(late, {.card = "smoe"});
}

TEST_CASE("cards/rexmoe: without others' experts it is the usual mixture, whatever the logits of those say") {
  using B = GMOE_TEST_BACKEND<double>;
  const auto reused = model_of<B>({.card = "rexmoe"}), usual = model_of<B>({.card = "smoe"});
  for (index_t l = 0; l < 3; ++l) {
    const std::string name = "router." + std::to_string(l) + ".gate";
    const auto own = named(*usual, name).value().to_host();  // 4 x 8
    auto all = named(*reused, name).value().to_host();       // 12 x 8
    std::copy(own.begin(), own.end(), all.begin() + 32 * l);
    B::upload(named(*reused, name).value().data(), all.data(), all.size() * sizeof(all[0]));
  }
  const text t(2, 5, 11);
  const auto a = losses_of(*reused, t, true), b = losses_of(*usual, t, true);
  CHECK(a.language.value().item() == doctest::Approx(b.language.value().item()).epsilon(1e-13));
  // The balance loss is N' = 12 times what it would be 4 times: dead experts are counted among those that are seen.
  CHECK(a.balance.value().item() == doctest::Approx(3 * b.balance.value().item()).epsilon(1e-12));
}

TEST_CASE("cards/rexmoe: numbers that do not fit") {
  CHECK(refusal({.card = "rexmoe", .set = {{"candidates.end", "7"}}}) ==
        "candidates.end = 7 comes before candidates.start = 120");
}
