// Prefixes of one dense layer, of which a token gets the one that chose it, against the equations.
#include "cards/nested.hpp"
#include "cards/check.hpp"
#include "gmoe/analysis/expert_work.hpp"
#include "gmoe/moe/select/nested_choice.hpp"

using namespace gmoe_test;

TEST_CASE("cards/nested: its equations, differences, reading, padding") {
  card_case c{.card = "nested"};
  nested_equations equations;
  const auto found = check_equations(c, equations);
  std::vector<int> visits(4);
  for (const id_type e : found.routings[0].chosen.to_host())
    if (e != gmoe::no_choice) ++visits[static_cast<std::size_t>(e)];
  // c = 0.231, 0.240, 0.256, 0.274 of ten tokens: two for each, and four that are left.
  CHECK(visits == std::vector<int>{10, 6, 4, 2});
  CHECK(gmoe::measure_work(found).units_per_token == doctest::Approx(3 * (2 * 12 + 2 * 6 + 2 * 3 + 4 * 1) / 10.0));
  card_case small = c;
  small.shape.layers = 1;
  check_gradients(small);
  check_padding(*model_of<model_backend>(c), true);

  c.set = {{"select.budget", "0.2"}, {"select.delta", "3"}, {"select.beta", "0.5"}};  // somebody gets nobody
  equations.budget = 0.2;
  equations.delta = 3;
  equations.beta = 0.5;
  check_equations(c, equations);
  c.training = false;
  equations.training = false;
  check_equations(c, equations);
  check_reading(c);

  CHECK(refusal({.card = "nested", .set = {{"select.budget", "0.05"}}}) ==
        "nested experts have from 0.0833333 to 1 of a layer each, so that tokens cannot have a budget of 0.05 on "
        "average");
  card_case many{.card = "nested"};  // more than halves of 12 units: 1, 2, 3, 6, 12
  many.shape.experts = 5;
  nested_equations five;
  five.units = {1, 2, 3, 6, 12};
  check_equations(many, five);
  many.shape.experts = 13;
  CHECK(refusal(many) == "d_ff = 12 hidden units cannot hold experts = 13 that each have one more than the last");
}

TEST_CASE("cards/nested: one expert of strength 0 is a dense layer") {
  card_case c{.card = "nested"};
  c.shape.experts = 1;
  nested_equations one;
  one.units = {12};
  check_equations(c, one);
  const auto model = model_of<model_backend>(c);
  naive::weights w;
  for (auto* p : model->parameters()) {
    if (!p->name().ends_with("gate.strength")) continue;
    const double zero = 0;
    model_backend::upload(p->value().data(), &zero, sizeof zero);
  }
  for (const auto& [name, weight] : weights_of(model->parameters())) {
    w[name] = weight;
    if (!name.starts_with("experts.")) continue;
    for (std::size_t b = 0; b < 3; ++b) {
      const auto first = weight.values.begin() + static_cast<std::ptrdiff_t>(b * 12 * 8);
      w["h." + std::to_string(b) + ".mlp." + name.substr(8)] = {12, 8, {first, first + 12 * 8}};
    }
  }
  naive::settings how;
  how.batch = 2;
  how.sequence = 5;
  how.relu_dense = true;
  const text t(2, 5, 11);
  const naive::result expected = naive::run(one, {false, false, false}, how, w, {t.tokens.begin(), t.tokens.end()},
                                            {t.targets.begin(), t.targets.end()});
  CHECK(losses_of(*model, t, true).language.value().item() ==
        doctest::Approx(expected.language.value()).epsilon(1e-12));
}

TEST_CASE("cards/nested: thresholds follow the smallest score that an expert took") {
  using B = model_backend;
  const card_case c{.card = "nested", .set = {{"select.memory", "0"}}};
  const auto model = model_of<B>(c);
  nested_equations equations;
  std::vector<std::vector<double>> smallest;
  equations.seen = &smallest;
  const text t(2, 5, 11);
  const auto found = compare_with_naive(*model, equations, {true, true, true}, t, true);
  gmoe::step_statistics<B> seen;
  seen.add(found);
  model->after_step(0, seen);
  equations.training = false;
  equations.threshold = smallest;
  equations.seen = nullptr;
  compare_with_naive(*model, equations, {true, true, true}, t, false);
}

TEST_CASE("cards/nested: shares keep the budget") {
  const std::vector<double> parts{0.125, 0.25, 0.5, 1};
  for (const double budget : {0.13, 0.3, 0.46875, 0.8, 0.99})
    for (const double beta : {0.1, 1.0, 10.0}) {
      const std::vector<double> c = gmoe::nested_shares(parts, budget, 2, beta);
      double sum = 0, mean = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(c[i] >= 0);
        sum += c[i];
        mean += c[i] * parts[i];
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-12));
      CHECK(mean == doctest::Approx(budget).epsilon(1e-9));
    }
  const std::vector<double> even = gmoe::nested_shares(parts, 0.46875, 1, 10);  // nothing but entropy
  for (const double share : even) CHECK(share == doctest::Approx(0.25).epsilon(1e-9));
  CHECK(gmoe::nested_shares(std::vector<double>{1}, 0.5, 2, 10) == std::vector<double>{1});
  const auto cost = gmoe::make_card<GMOE_TEST_CARDS>("nested").cost(small_sizes());
  gmoe::sizes narrow = small_sizes();
  narrow.experts = 1;
  const auto whole = gmoe::make_card<GMOE_TEST_CARDS>("nested").cost(narrow);
  CHECK(whole.active - cost.active == 3 * 2 * 8 * 12 / 2);  // half of a layer on average
}
