// Experts with thresholds, and a pool that grows and shrinks.
#include <set>

#include "cards/choosing.hpp"
#include "cards/dynmoe.hpp"

using namespace gmoe_test;

namespace {

using double_backend = GMOE_TEST_BACKEND<double>;

}  // namespace

TEST_CASE("cards/dynmoe: its equations, and token by token") {
  card_case c{.card = "dynmoe"};
  const auto found = check_equations(c, dynmoe_equations{});
  // Tokens of every kind: with no expert, with some, with all.
  std::set<index_t> counts;
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (std::size_t t = 0; t < kept.size(); t += 4) {
      const auto first = kept.begin() + static_cast<std::ptrdiff_t>(t);
      counts.insert(4 - std::count(first, first + 4, gmoe::no_choice));
    }
  }
  CHECK(counts.size() >= 4);
  CHECK(*counts.begin() == 0);
  check_reading(c);
  dynmoe_equations other;
  other.scale = 5;
  other.diversity = 0.3;
  other.live = {true, true, false, false};
  c.set = {{"router.scale", "5"}, {"router.diversity", "0.3"}, {"router.live", "2"}};
  check_equations(c, other);
  const auto model = model_of<double_backend>(c);
  for (const bool training : {true, false}) check_padding(*model, training);
  c.training = false;
  check_equations(c, other);
  c.shape.experts = 9;
  CHECK(refusal(c) ==
        "dynamic_router: 9 keys of 8 numbers cannot be orthogonal; expected at most as many experts as d_model");
}

TEST_CASE("cards/dynmoe: thresholds below all scores make the plain average of the pool") {
  card_case c{.card = "dynmoe"};
  const auto model = model_of<double_backend>(c);
  for (auto* p : model->parameters())
    if (p->name().ends_with("thresholds")) p->value() = gmoe::matrix<double_backend>::filled(4, 1, -50);
  for (const auto& r : losses_of(*model, text(2, 5, 11), true).found.routings)
    for (const double w : r.weights.value().to_host()) CHECK(w == 0.25);
}

TEST_CASE("cards/dynmoe: experts that nobody asks go to rest, and tokens that nobody takes wake one up") {
  card_case c{.card = "dynmoe", .set = {{"router.window", "2"}, {"router.live", "3"}}};
  const auto model = model_of<double_backend>(c);
  for (auto* p : model->parameters())  // high ones
    if (p->name().ends_with("thresholds")) p->value() = gmoe::matrix<double_backend>::filled(4, 1, 0.4);
  std::vector<std::vector<double>> unserved, loads;
  dynmoe_equations watched;
  watched.live = {true, true, true, false};
  watched.unserved = &unserved;
  watched.loads = &loads;
  compare_with_naive(*model, watched, mixed_blocks(c), text(c.batch, c.sequence, c.shape.vocab), true, false, 1e-10);
  REQUIRE(unserved.size() == 3);
  for (std::int64_t step = 0; step < 2; ++step) {
    for (const auto& there : buffers_of(*model, ".live")) CHECK(there == std::vector<double>{1, 1, 1, 0});
    c.step = step;
    hear_one_step(*model, c);
    if (step == 0) {
      const auto asked = buffers_of(*model, "asked"), sums = buffers_of(*model, "unserved");
      CHECK(asked == loads);
      for (std::size_t l = 0; l < 3; ++l)
        for (std::size_t i = 0; i < 8; ++i) CHECK(sums[l][i] == doctest::Approx(unserved[l][i]).epsilon(1e-10));
    }
  }
  const auto now = buffers_of(*model, ".live");
  bool woken = false;
  for (std::size_t l = 0; l < 3; ++l) {
    std::vector<double> expected{1, 1, 1, 0};
    if (std::accumulate(loads[l].begin(), loads[l].end(), 0.0) > 0)  // else nobody goes to rest
      for (std::size_t e = 0; e < 3; ++e) expected[e] = loads[l][e] > 0;
    double length = 0;
    for (const double v : unserved[l]) length += v * v;
    if (length > 0) {
      woken = true;
      const auto first = static_cast<std::size_t>(std::find(expected.begin(), expected.end(), 0.0) - expected.begin());
      expected[first] = 1;
      for (auto* p : model->parameters()) {
        if (p->name() == "router." + std::to_string(l) + ".keys")
          for (std::size_t i = 0; i < 8; ++i)
            CHECK(p->value().to_host()[8 * first + i] ==
                  doctest::Approx(unserved[l][i] / std::sqrt(length)).epsilon(1e-10));
        if (p->name() == "router." + std::to_string(l) + ".thresholds") CHECK(p->value().to_host()[first] == 0);
      }
    }
    CHECK(now[l] == expected);
  }
  CHECK(woken);
  for (const auto& asked : buffers_of(*model, "asked")) CHECK(asked == std::vector<double>(4));
}
