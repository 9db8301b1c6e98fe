// Selectors that spell experts in smooth bits, against their equations.
#include "cards/scoring_equations.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

naive::number smooth_bit(const naive::number& a, double softness) {
  const double x = a.value(), g = softness;
  if (x <= -g / 2) return 0;
  if (x >= g / 2) return 1;
  return naive::number::of(a, -2 * x * x * x / (g * g * g) + 3 * x / (2 * g) + 0.5, -6 * x * x / (g * g * g) + 1.5 / g);
}

struct dselect_equations : scored_mixture {
  std::size_t bits = 2, selectors = 2, layers = 3;
  double softness = 1, entropy = 1e-2, reach = 1e-3;
  dselect_equations() { alpha = 0; }

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    const naive::vec a = bits > 0 ? rows_times(mine(at, "bits"), x) : naive::vec{};
    naive::vec says = rows_times(mine(at, "selectors"), x), w(experts);
    for (std::size_t j = 0; j < selectors; ++j) says[j] += mine(at, "selector_bias")[j];
    const naive::vec o = naive::softmax(says);
    const double each = 1.0 / static_cast<double>(layers * at.x.size());
    const bool others = (std::size_t{1} << bits) > experts;
    for (std::size_t j = 0; j < selectors; ++j) {
      naive::number sum;
      for (std::size_t e = 0; e < experts; ++e) {
        naive::number v = 1;
        for (std::size_t b = 0; b < bits; ++b) {
          const naive::number s = smooth_bit(a[j * bits + b] + mine(at, "bit_bias")[j * bits + b], softness);
          v = v * ((e >> b & 1) != 0 ? s : naive::number(1) - s);
        }
        w[e] += o[j] * v;
        sum += v;
        if (at.how.training && bits > 0 && v.value() > 0)
          added["selector_entropy"] += naive::number(-entropy * each) * v * log(v);
      }
      if (at.how.training && others)
        added["selector_reach"] += naive::number(reach * each) / (sum.value() > 1e-3 ? sum : naive::number(1e-3));
    }
    return w;
  }
  std::vector<int> choose(const naive::call&, const naive::vec& w) override {
    std::vector<int> positive;
    for (std::size_t e = 0; e < experts; ++e)
      if (w[e].value() > 0) positive.push_back(static_cast<int>(e));
    return positive;
  }
  naive::number weight(const naive::number& s, const naive::number&) override { return s; }
};

}  // namespace

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
