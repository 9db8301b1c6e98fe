// Sigmoid scores and a shared expert, with and without biases that follow the load, against their equations.
#include "cards/loss_free.hpp"
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

/// A model after some steps of one batch each, and its biases.
std::vector<std::vector<double>> biases_after(gmoe::language_model<gmoe::loss_free_card, model_backend>& model,
                                              int steps) {
  for (int s = 0; s < steps; ++s) {
    gmoe::step_statistics<model_backend> seen;
    seen.add(losses_of(model, text(2, 5, 11), true).found);
    model.after_step(s, seen);
  }
  std::vector<std::vector<double>> all;
  for (index_t l = 0; l < model.moe().layers(); ++l)
    all.push_back(model.moe().mine<gmoe::slots::select>(l).layer.bias.value().to_host());
  return all;
}

}  // namespace

TEST_CASE("cards/sigmoid-shared: its equations, differences, token by token") {
  card_case c{.card = "sigmoid-shared"};
  check_equations(c, sigmoid_equations{});
  sigmoid_equations one;
  one.k = 1;
  one.alpha = 0.7;
  one.scale = 2.5;
  c.set = {{"select.k", "1"}, {"balance.alpha", "0.7"}, {"gate.scale", "2.5"}};
  check_equations(c, one);
  c.training = false;
  check_equations(c, one);
  one.k = 4;
  c.set[0].second = "4";
  check_equations(c, one);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  check_same({.card = "sigmoid-shared"}, {.card = "loss-free"});  // before the first step
  c = {.card = "sigmoid-shared", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  sigmoid_equations alone;
  alone.k = alone.experts = 1;
  check_equations(c, alone);
}

TEST_CASE("cards/loss-free: groups of experts, differences, token by token") {
  card_case c{.card = "loss-free", .set = {{"select.groups", "3"}, {"select.visited", "2"}, {"balance.alpha", "0.5"}}};
  c.shape.experts = 6;
  sigmoid_equations groups;
  groups.experts = 6;
  groups.groups = 3;
  groups.visited = 2;
  groups.alpha = 0.5;
  check_equations(c, groups);
  c.set[1].second = "1";
  groups.visited = 1;
  for (const auto& r : check_equations(c, groups).routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size() / 2; ++t) CHECK(chosen[2 * t] / 2 == chosen[2 * t + 1] / 2);
  }
  check_reading(c);
  c.shape.layers = 2;
  check_gradients(c);
  c.set = {{"select.groups", "6"}, {"select.visited", "2"}};  // groups of one: the two best
  groups = {};
  groups.experts = groups.groups = 6;
  groups.visited = 2;
  check_equations(c, groups);
}

TEST_CASE("cards/loss-free: biases follow the load, decide, and have no gradient") {
  gmoe::language_model<gmoe::loss_free_card, model_backend> model(
      small_sizes(), gmoe::card<gmoe::loss_free_card>(gmoe::biased_top_k{.rate = 0.2, .frozen_after = 3}));
  randomise(model);
  const text t(2, 5, 11);
  gmoe::step_statistics<model_backend> seen;
  seen.add(losses_of(model, t, true).found);
  seen.add(losses_of(model, t, true).found);  // a step of two passes
  std::vector<std::vector<double>> expected;
  for (index_t l = 0; l < 3; ++l) {
    expected.emplace_back();
    for (const index_t load : seen.of(l, 4).load) expected.back().push_back(load > 10 ? -0.2 : load < 10 ? 0.2 : 0);
  }
  model.after_step(0, seen);
  CHECK(biases_after(model, 0) == expected);

  sigmoid_equations equations;
  equations.bias = biases_after(model, 3);
  CHECK(biases_after(model, 0) != expected);
  compare_with_naive(model, equations, {true, true, true}, t, true);
  seen.clear();
  seen.add(losses_of(model, t, true).found);
  model.after_step(3, seen);  // frozen
  CHECK(biases_after(model, 0) == equations.bias);
  check_padding(model, true);
}

TEST_CASE("cards/loss-free: groups that do not fit") {
  card_case c{.card = "loss-free", .set = {{"select.groups", "3"}}};
  CHECK(refusal(c) == "select.groups is 3, expected a divisor of the layer's 4 experts");
  c.set = {{"select.groups", "2"}, {"select.visited", "3"}};
  CHECK(refusal(c) == "select.visited is 3, expected at most select.groups, 2");
  c.set = {{"select.groups", "4"}, {"select.visited", "1"}};
  CHECK(refusal(c) == "select.k asks for 2 experts, but the 1 groups that a token visits have 1");
  CHECK(config_message([] {
          card_of({.card = "loss-free", .set = {{"select.rate", "-1"}}});
        }) == "select.rate is -1, expected 0 or more");
}
