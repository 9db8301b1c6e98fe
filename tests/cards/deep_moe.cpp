// Two dense mixtures, one upon the other, and experts that rest, against their equations.
#include "cards/deep_moe.hpp"
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

TEST_CASE("cards/deep-moe: its equations, differences, token by token") {
  card_case c{.card = "deep-moe"};
  check_equations(c, deep_equations{});
  c.set = {{"form.first.router.hidden", "5"}};
  c.training = false;
  check_equations(c, deep_equations{});
  check_reading(c);
  c.training = true;
  c.shape.layers = 1;
  check_gradients(c);
  c.shape.experts = 1;
  deep_equations one;
  one.experts = 1;
  check_equations(c, one);
}

TEST_CASE("cards/deep-moe: experts that had more than their part rest, until the constraint is dropped") {
  using B = model_backend;
  gmoe::deep_moe_card card;
  card.form.first.candidates = {.margin = 0.05, .steps = 2};
  card.form.second.candidates = card.form.first.candidates;
  gmoe::language_model<gmoe::deep_moe_card, B> model(small_sizes(), card);
  randomise(model);
  const text t(2, 5, 11);
  std::vector<std::vector<double>> totals(6, std::vector<double>(4, 0));
  deep_equations equations;
  for (std::int64_t step = 0; step < 2; ++step) {
    const auto found = compare_with_naive(model, equations, {true, true, true}, t, true);
    gmoe::step_statistics<B> seen;
    seen.add(found);
    model.after_step(step, seen);
    equations.open.clear();
    bool rests = false;
    for (std::size_t i = 0; i < 6; ++i) {
      const auto scores = found.routings[i].scores.value().to_host();
      for (std::size_t j = 0; j < scores.size(); ++j) totals[i][j % 4] += scores[j];
      double mean = 0;
      for (const double g : totals[i]) mean += g / 4;
      std::vector<bool> open;
      for (const double g : totals[i]) open.push_back(g <= 1.05 * mean);
      rests = rests || std::count(open.begin(), open.end(), false) > 0;
      equations.open.push_back(open);
    }
    CHECK(rests);
  }
  compare_with_naive(model, equations, {true, true, true}, t, true);
  gmoe::context<B> later;
  later.training = true;
  for (const auto& r : model.loss(later, t.on<B>(11)).found.routings) CHECK(!r.mask.empty());
  later.step = 2;
  for (const auto& r : model.loss(later, t.on<B>(11)).found.routings) CHECK(r.mask.empty());
  equations.open.clear();
  compare_with_naive(model, equations, {true, true, true}, t, false);
}
