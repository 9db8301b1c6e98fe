#include "gmoe/analysis/summary.hpp"

#include <doctest/doctest.h>

#include "hand_made.hpp"

using doctest::Approx;
using hand_made::ids;

TEST_CASE("analysis/summary: a shared pool, every value known") {
  const auto s = gmoe::summarize(hand_made::top1(2, {{0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 0, 1}}, 2, true));
  CHECK(s.tokens == 4);
  REQUIRE(s.layers.size() == 3);
  CHECK(s.layers[2].block == 2);
  CHECK(s.layers[2].experts == 2);
  CHECK(s.layers[1].load.max_violation == Approx(0.0));
  CHECK(s.layers[1].confidence.value().margin == 1.0);
  CHECK(s.pooled.assignments == 12);
  CHECK(s.pooled.fractions == std::vector<double>{0.5, 0.5});
  CHECK(s.paths.distinct == 4);
  CHECK(s.paths.normalized_entropy == Approx(1.0));  // ln 4 of min(ln 4, 3 ln 2)
  CHECK(s.markov_path_entropy == Approx(std::log(4.0)));
  CHECK(s.mutual_information.value() == Approx(std::log(2.0) / 2));  // 0 and ln 2
  CHECK(s.normalized_mutual_information.value() == Approx(0.5));
  CHECK(s.agreement.value() == Approx(0.75));
  CHECK(s.set_consistency.value() == Approx(0.75));
  CHECK(s.usage_overlap.value() == Approx(1.0));
  CHECK(s.smoothness.value() == Approx(1.0 / 3));  // 1, 0, 0
  CHECK(s.router_entropy.value() == 0.0);
  CHECK(s.margin.value() == 1.0);
}

TEST_CASE("analysis/summary: private pools have no agreement to report") {
  const auto s = gmoe::summarize(hand_made::top1(2, {{0, 0, 1, 1}, {0, 0, 1, 1}}));
  CHECK_FALSE(s.agreement.has_value());
  CHECK_FALSE(s.set_consistency.has_value());
  CHECK_FALSE(s.usage_overlap.has_value());
  CHECK(s.mutual_information.value() == Approx(std::log(2.0)));
  CHECK(s.pooled.fractions.size() == 4);
  CHECK(s.smoothness.value() == Approx(2.0 / 3));
}

TEST_CASE("analysis/summary: scores in some layers only") {
  gmoe::routing_decisions d;
  d.add_layer(0, 2, 1);
  d.add_layer(1, 2, 1);
  d.append(0, std::vector<double>{0.75, 0.25, 0.25, 0.75}, ids{0, 1}, 2);
  d.append_unscored(1, ids{0, 0});
  const auto s = gmoe::summarize(d);
  CHECK(s.layers[0].confidence.has_value());
  CHECK_FALSE(s.layers[1].confidence.has_value());
  CHECK(s.margin.value() == Approx(0.5));
  CHECK(s.router_entropy.value() == Approx(2 * std::log(2.0) - 0.75 * std::log(3.0)));
  CHECK(s.layers[0].load.drop_rate == Approx(0.5));
  CHECK(s.pooled.drop_rate == Approx(1.0 / 3));
}

TEST_CASE("analysis/summary: one token in one layer with one expert") {
  gmoe::routing_decisions d;
  d.add_layer(5, 1, 1);
  d.append_unscored(0, ids{0});
  const auto s = gmoe::summarize(d);
  CHECK(s.tokens == 1);
  CHECK(s.layers[0].load.normalized_entropy == 1.0);
  CHECK(s.paths.top1_mass == 1.0);
  CHECK_FALSE(s.mutual_information.has_value());
  CHECK_FALSE(s.smoothness.has_value());
  CHECK_FALSE(s.router_entropy.has_value());
  CHECK_FALSE(s.margin.has_value());
}

TEST_CASE("analysis/summary: nothing decided, nothing to summarise") {
  CHECK_THROWS_WITH_AS(gmoe::summarize(gmoe::routing_decisions()), "summarize: there is no routed layer to measure",
                       gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::summarize(hand_made::top1(2, {{}})), "summarize: there are no tokens to measure",
                       gmoe::data_error);
}
