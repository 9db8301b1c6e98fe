#include "gmoe/analysis/load.hpp"

#include <doctest/doctest.h>

#include "hand_made.hpp"

using doctest::Approx;
using gmoe::no_choice;
using hand_made::ids;
using numbers = std::vector<double>;

TEST_CASE("analysis/load: an even load is perfect in every metric") {
  const auto m = gmoe::measure_load(numbers{5, 5, 5, 5}, numbers{0.25, 0.25, 0.25, 0.25});
  CHECK(m.fractions == numbers{0.25, 0.25, 0.25, 0.25});
  CHECK(m.assignments == 20);
  CHECK(m.entropy == Approx(std::log(4.0)));
  CHECK(m.normalized_entropy == Approx(1.0));
  CHECK(m.coefficient_of_variation == Approx(0.0));
  CHECK(m.gini == Approx(0.0));
  CHECK(m.max_violation == Approx(0.0));
  CHECK(m.min_violation == Approx(0.0));
  CHECK(m.relative_perplexity == Approx(1.0));
  CHECK(m.dead_share == 0.0);
  CHECK(m.drop_rate == 0.0);
  CHECK(m.probability_gap.value() == Approx(0.0));
  CHECK(m.mean_probability_entropy.value() == Approx(std::log(4.0)));
}

TEST_CASE("analysis/load: one expert takes everything") {
  const auto m = gmoe::measure_load(numbers{0, 0, 12, 0}, numbers{0.25, 0.25, 0.25, 0.25}, 4);
  CHECK(m.entropy == 0.0);
  CHECK(m.normalized_entropy == 0.0);
  CHECK(m.coefficient_of_variation == Approx(std::sqrt(3.0)));  // sqrt(N - 1)
  CHECK(m.gini == Approx(0.75));                                // (N - 1) / N
  CHECK(m.max_violation == Approx(3.0));                        // N - 1
  CHECK(m.min_violation == Approx(1.0));
  CHECK(m.relative_perplexity == Approx(0.25));
  CHECK(m.dead_share == Approx(0.75));
  CHECK(m.drop_rate == Approx(0.25));
  CHECK(m.probability_gap.value() == Approx(0.75));
}

TEST_CASE("analysis/load: a load worked out by hand") {
  const numbers counts{3, 1, 0, 4};  // mean 2, squared deviations 1 1 4 4; ascending prefix sums 0 1 4 8
  const auto m = gmoe::measure_load(counts);
  CHECK(m.coefficient_of_variation == Approx(std::sqrt(10.0 / 4) / 2));
  CHECK(m.gini == Approx((5 - 2 * 13.0 / 8) / 4));
  CHECK(m.max_violation == Approx(1.0));
  CHECK(m.min_violation == Approx(1.0));
  CHECK(m.dead_share == Approx(0.25));
  CHECK(m.entropy == Approx(-(3 * std::log(3.0 / 8) + std::log(1.0 / 8) + 4 * std::log(0.5)) / 8));
  CHECK_FALSE(m.probability_gap.has_value());
  CHECK_FALSE(m.mean_probability_entropy.has_value());
}

TEST_CASE("analysis/load: a single expert is evenly loaded") {
  const auto m = gmoe::measure_load(numbers{7});
  CHECK(m.normalized_entropy == 1.0);
  CHECK(m.gini == Approx(0.0));
  CHECK(m.coefficient_of_variation == 0.0);
  CHECK(m.relative_perplexity == 1.0);
}

TEST_CASE("analysis/load: k > 1 counts every selected expert, dropped pairs apart") {
  gmoe::routing_decisions d;
  d.add_layer(0, 3, 2);
  d.append(0, numbers{0.5, 0.5, 0, 0.2, 0.6, 0.2, 0.5, 0.1, 0.4}, ids{0, 1, 1, no_choice, 0, 2}, 1);
  CHECK(gmoe::expert_counts(d, 0) == numbers{2, 2, 1});
  const auto m = gmoe::layer_load(d, 0);
  CHECK(m.drop_rate == Approx(1.0 / 6));
  CHECK(gmoe::mean_probabilities(d, 0)[0] == Approx(0.4));
  CHECK(m.probability_gap.value() == Approx(0.0));  // P = f = (0.4, 0.4, 0.2)
}

TEST_CASE("analysis/load: a shared pool adds up over layers, private pools stand side by side") {
  const std::vector<ids> opposite{{0, 0, 0, 0}, {1, 1, 1, 1}};
  const auto shared = gmoe::pooled_load(hand_made::top1(2, opposite, 0, true));
  CHECK(shared.fractions == numbers{0.5, 0.5});
  CHECK(shared.max_violation == Approx(0.0));
  CHECK(shared.probability_gap.value() == Approx(0.0));
  const auto apart = gmoe::pooled_load(hand_made::top1(2, opposite));
  CHECK(apart.fractions == numbers{0.5, 0, 0, 0.5});
  CHECK(apart.dead_share == Approx(0.5));
  CHECK(apart.assignments == 8);
}

TEST_CASE("analysis/load: pooled probabilities need scores in every layer") {
  gmoe::routing_decisions d;
  d.add_layer(0, 2, 1);
  d.add_layer(1, 2, 1);
  d.append(0, numbers{1, 0}, ids{0}, 1);
  d.append_unscored(1, ids{1}, 2);
  const auto m = gmoe::pooled_load(d);
  CHECK_FALSE(m.probability_gap.has_value());
  CHECK(m.drop_rate == Approx(3.0 / 5));
}

TEST_CASE("analysis/load: MaxVio of batches sees what the whole set evens out") {
  const auto d = hand_made::top1(2, {{0, 0, 1, 1, 0}});
  CHECK(gmoe::layer_load(d, 0).max_violation == Approx(0.2));
  CHECK(gmoe::batch_max_violation(d, 0, 2) == Approx(1.0));
  CHECK(gmoe::batch_max_violation(d, 0, 4) == Approx(0.5));  // 0 for the first four, 1 for the last
  CHECK(gmoe::batch_max_violation(d, 0, 100) == Approx(0.2));
  CHECK_THROWS_AS(gmoe::batch_max_violation(d, 0, 0), gmoe::config_error);
}

TEST_CASE("analysis/load: nothing to measure is an error") {
  CHECK_THROWS_AS(gmoe::measure_load(numbers{}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::measure_load(numbers{0, 0}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::measure_load(numbers{1, 2}, numbers{1}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::pooled_load(gmoe::routing_decisions()), gmoe::data_error);
  gmoe::routing_decisions d;
  d.add_layer(0, 2, 1);
  CHECK_THROWS_AS(gmoe::layer_load(d, 0), gmoe::data_error);
}
