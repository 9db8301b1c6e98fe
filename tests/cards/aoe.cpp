// Experts that say themselves how strongly they react, against their equations.
#include "cards/aoe.hpp"
#include "cards/check.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

TEST_CASE("cards/aoe: its equations, differences, token by token") {
  card_case c{.card = "aoe"};
  check_equations(c, aoe_equations{});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "4"}};
  aoe_equations all;
  all.alpha = 0.4;
  all.k = 4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  check_reading(c);
  c.training = true;
  c.shape.layers = 2;
  c.set[1].second = "1";
  check_gradients(c);
  c.shape.experts = 1;
  c.shape.d_model = 6;  // a rank of one
  all.experts = all.k = all.rank = 1;
  check_equations(c, all);
}

TEST_CASE("cards/aoe: equal reactions are an average of the pool") {
  using B = model_backend;
  const auto model = model_of<B>({.card = "aoe", .set = {{"select.k", "4"}}});
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("w_down")) p.value() = gmoe::matrix<B>::filled(p.rows(), p.cols(), 0.5);
  });
  for (const auto& r : losses_of(*model, text(2, 5, 11), true).found.routings)
    for (const double w : r.weights.value().to_host()) CHECK(w == doctest::Approx(0.25));
}

TEST_CASE("cards/aoe: what it costs") {
  const gmoe::sizes s = small_sizes();  // r = 2
  const auto cost = gmoe::cost_of<gmoe::aoe_card>(s);
  CHECK(cost.experts == 3 * 4 * 12 * (2 + 2 * 8));
  CHECK(cost.router == 3 * 4 * 2 * 8);
  CHECK(cost.multiply_adds == gmoe::cost_of<gmoe::smoe_card>(s).multiply_adds - 3 * 4 * 8 - 3 * 2 * 2 * 12 * 8 +
                                  3 * 4 * 2 * 8 + 3 * 2 * 12 * (2 + 2 * 8));
}
