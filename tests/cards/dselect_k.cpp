// Selectors that spell experts in smooth bits, against their equations.
#include "cards/dselect_k.hpp"
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

TEST_CASE("cards/dselect-k: its equations, also where numbers spell no expert") {
  card_case c{.card = "dselect-k"};
  check_equations(c, dselect_equations{});
  c.training = false;
  check_equations(c, dselect_equations{});
  c.training = true;
  c.set = {{"router.softness", "3"}, {"router.selectors", "3"}, {"router.entropy", "0.2"}, {"router.reach", "0.3"}};
  c.shape.experts = 6;
  dselect_equations other;
  other.experts = 6;
  other.bits = other.selectors = 3;
  other.softness = 3;
  other.entropy = 0.2;
  other.reach = 0.3;
  check_equations(c, other);
  check_reading(c);
  c = {.card = "dselect-k"};
  c.shape.experts = 1;
  dselect_equations one;
  one.experts = 1;
  one.bits = 0;
  check_equations(c, one);
}

TEST_CASE("cards/dselect-k: sure bits choose one expert each, by the softmax of the selectors") {
  card_case c{.card = "dselect-k", .set = {{"router.softness", "1e-9"}}};
  dselect_equations sure;
  sure.softness = 1e-9;
  for (const auto& r : check_equations(c, sure).routings) {
    const auto w = r.scores.value().to_host();
    for (std::size_t t = 0; t < w.size(); t += 4) {
      CHECK(w[t] + w[t + 1] + w[t + 2] + w[t + 3] == doctest::Approx(1));
      CHECK(std::count_if(&w[t], &w[t] + 4, [](double v) { return v > 0; }) <= 2);
    }
  }
  // A new one asks everybody.
  using B = model_backend;
  const auto fresh = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of({.card = "dselect-k"}), c.shape);
  for (const auto& r : losses_of(*fresh, text(2, 5, 11), true).found.routings)
    for (const double w : r.scores.value().to_host()) CHECK(w == doctest::Approx(0.25).epsilon(0.3));
}

TEST_CASE("cards/dselect-k: differences, padding") {
  card_case c{.card = "dselect-k",
              .set = {{"router.softness", "4"}, {"router.entropy", "0.3"}, {"router.reach", "0.3"}}};
  c.shape.layers = 2;
  c.shape.experts = 3;
  check_gradients(c);
  gmoe::language_model<gmoe::dselect_k_card, model_backend> model(small_sizes());
  randomise(model);
  check_padding(model, true);
  CHECK(config_message([] {
          card_of({.card = "dselect-k", .set = {{"router.softness", "0"}}});
        }).find("router.softness is 0, expected a positive number") != std::string::npos);
}
