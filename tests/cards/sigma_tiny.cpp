// A number of experts that goes by layer and step, and uncertain tokens that go to all.
#include "cards/sigma_tiny.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/sigma-tiny: k by layer and step") {
  card_case c{.card = "sigma-tiny", .set = {{"select.first", "3,2"}, {"select.until", "10"}}};
  varying_k_equations early, late;
  early.k = {3, 2, 1};
  for (const bool training : {true, false}) {
    c.training = training;
    c.step = 9;
    check_equations(c, early);
    c.step = 10;
    check_equations(c, late);
  }
  check_reading(c);
  c.step = 0;
  check_reading(c);
  c.shape.layers = 2;
  check_gradients(c);
}

TEST_CASE("cards/sigma-tiny: a constant schedule is top-k; numbers that do not fit") {
  card_case constant{.card = "sigma-tiny", .set = {{"select.until", "0"}, {"select.k", "2"}}};
  varying_k_equations two;
  two.k = {2, 2, 2};
  check_equations(constant, two);
  // More at first than there are experts: all of them.
  varying_k_equations all;
  all.k = {4, 4, 2};
  check_equations({.card = "sigma-tiny", .set = {{"select.first", "9,9,2,2"}}}, all);
  CHECK(refusal({.card = "sigma-tiny", .set = {{"select.k", "5"}}}).find("5") != std::string::npos);
}

TEST_CASE("cards/gw-moe: uncertain tokens hear all experts in training") {
  card_case c{.card = "gw-moe", .set = {{"select.uncertainty", "0.7"}}};
  varying_k_equations equations;
  equations.limit = 0.7 * std::log(4.0);
  const auto found = check_equations(c, equations);
  index_t pairs = 0, tokens = 0;
  for (const auto& r : found.routings) {
    tokens += r.kept.rows();
    for (const auto e : r.kept.to_host()) pairs += e != gmoe::no_choice;
  }
  CHECK(pairs > tokens);
  CHECK(pairs < 4 * tokens);
  for (const char* most : {"1", "2"}) {
    c.set = {{"select.uncertainty", "0.7"}, {"select.most", most}};
    equations.broadcast = static_cast<std::size_t>(most[0] - '0');
    check_equations(c, equations);
  }
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  CHECK(gmoe::check_causality(*model, 6, true).measured <= gmoe::reach::past);
  for (const bool training : {true, false}) check_padding(*model, training);
  check_reading(c);
  c.shape.layers = 2;
  check_gradients(c);
  c = {.card = "gw-moe"};
  c.training = false;
  check_equations(c, varying_k_equations{});
  // No entropy is above ln N: Switch's choice in training, too.
  check_equations({.card = "gw-moe", .set = {{"select.uncertainty", "1.01"}}}, varying_k_equations{});
}
