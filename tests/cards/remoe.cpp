// Experts with a positive score, and a loss whose weight is steered, against their equations.
#include "cards/remoe.hpp"
#include "cards/check.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

TEST_CASE("cards/remoe: its equations, differences, token by token, padding") {
  card_case c{.card = "remoe", .set = {{"balance.start", "0.3"}}};
  remoe_equations equations;
  equations.lambda = 0.3;
  std::vector<index_t> tokens(5, 0);  // by how many experts they have
  for (const auto& r : check_equations(c, equations).routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size(); t += 4)
      ++tokens[static_cast<std::size_t>(4 - std::count(chosen.begin() + static_cast<std::ptrdiff_t>(t),
                                                       chosen.begin() + static_cast<std::ptrdiff_t>(t + 4),
                                                       gmoe::no_choice))];
  }
  CHECK(tokens[0] > 0);  // some have none, some have more than the aim
  CHECK(tokens[3] + tokens[4] > 0);
  c.set.push_back({"balance.by_load", "false"});
  c.set.push_back({"balance.k", "1"});
  equations.by_load = false;
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.set.pop_back();
  c.set.pop_back();
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  c = {.card = "remoe", .set = {{"balance.k", "1"}}};
  c.shape.experts = 1;
  remoe_equations alone;
  alone.experts = alone.k = 1;
  check_equations(c, alone);
  gmoe::language_model<gmoe::remoe_card, model_backend> model(small_sizes());
  randomise(model);
  check_padding(model, true);
}

TEST_CASE("cards/remoe: the weight follows the share of zeros, all layers together") {
  gmoe::language_model<gmoe::remoe_card, model_backend> model(
      small_sizes(), gmoe::card<gmoe::remoe_card>(gmoe::steered_sparsity{.start = 0.5, .factor = 3}));
  const auto step = [&](double positive) {
    gmoe::step_statistics<model_backend> seen;
    model.each_parameter([&](gmoe::parameter<model_backend>& p) {  // gates that say the same of all, by the norm's bias
      if (p.name().ends_with("ln_2.weight")) p.value() = gmoe::matrix<model_backend>::filled(1, 8, 0.0);
      if (p.name().ends_with("ln_2.bias")) p.value() = gmoe::matrix<model_backend>::filled(1, 8, 1.0);
      if (p.name().ends_with(".gate")) {
        std::vector<double> w(32, -1);
        std::fill_n(w.begin(), static_cast<std::ptrdiff_t>(8 * positive), 1.0);
        p.value() = gmoe::matrix<model_backend>::from_host(w, 4, 8);
      }
    });
    seen.add(losses_of(model, text(2, 5, 11), true).found);
    model.after_step(0, seen);
    return model.moe().mine<gmoe::slots::balance>(0).shared.weight.value().item();
  };
  CHECK(step(3) == doctest::Approx(1.5));  // more than two: dearer, once for all three layers
  CHECK(step(4) == doctest::Approx(4.5));
  CHECK(step(2) == doctest::Approx(4.5));  // as wanted
  CHECK(step(1) == doctest::Approx(1.5));
  CHECK(step(0) == doctest::Approx(0.5));
}

TEST_CASE("cards/remoe: an aim beyond the experts") {
  CHECK(refusal({.card = "remoe", .set = {{"balance.k", "5"}}}) ==
        "balance.k is 5, expected at most the layer's 4 experts");
  CHECK(gmoe::cost_of<gmoe::remoe_card>(small_sizes()).active == gmoe::cost_of<gmoe::smoe_card>(small_sizes()).active);
}
