#include "gmoe/analysis/dependence.hpp"

#include <doctest/doctest.h>

#include "gmoe/analysis/paths.hpp"
#include "hand_made.hpp"

using doctest::Approx;
using hand_made::ids;

TEST_CASE("analysis/dependence: a layer that is a function of the one before") {
  const auto d = hand_made::top1(4, {{0, 1, 2, 3, 0, 1, 2, 3}, {2, 3, 0, 1, 2, 3, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}});
  CHECK(gmoe::mutual_information(d, 0, 1) == Approx(std::log(4.0)));  // a permutation keeps all
  CHECK(gmoe::normalized_mutual_information(d, 0, 1) == Approx(1.0));
  CHECK(gmoe::conditional_entropy(d, 1, 0) == Approx(0.0));
  CHECK(gmoe::mutual_information(d, 0, 2) == Approx(std::log(2.0)));  // a 2-to-1 map keeps half
  CHECK(gmoe::normalized_mutual_information(d, 0, 2) == Approx(std::sqrt(0.5)));
  CHECK(gmoe::conditional_entropy(d, 2, 0) == Approx(0.0));
  CHECK(gmoe::conditional_entropy(d, 0, 2) == Approx(std::log(2.0)));
  CHECK(gmoe::mean_at_distance(d, 1, gmoe::mutual_information) == Approx(1.5 * std::log(2.0)));
  CHECK(gmoe::mean_at_distance(d, 2, gmoe::mutual_information) == Approx(std::log(2.0)));
}

TEST_CASE("analysis/dependence: independent layers share nothing") {
  ids a, b;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 5; ++j) {
      a.push_back(i);
      b.push_back(j);
    }
  gmoe::routing_decisions d;  // pools of different size
  d.add_layer(0, 3, 1);
  d.add_layer(1, 5, 1);
  d.append(0, hand_made::one_hot(a, 3), a);
  d.append(1, hand_made::one_hot(b, 5), b);
  CHECK(gmoe::joint_entropy(d, 0, 1) == Approx(std::log(15.0)));
  CHECK(gmoe::mutual_information(d, 0, 1) == Approx(0.0));
  CHECK(gmoe::normalized_mutual_information(d, 0, 1) == Approx(0.0));
  CHECK(gmoe::conditional_entropy(d, 1, 0) == Approx(std::log(5.0)));
}

TEST_CASE("analysis/dependence: a constant layer has nothing to share") {
  const auto d = hand_made::top1(2, {{0, 1, 0, 1}, {1, 1, 1, 1}});
  CHECK(gmoe::decision_entropy(d, 1) == 0.0);
  CHECK(gmoe::mutual_information(d, 0, 1) == Approx(0.0));
  CHECK(gmoe::normalized_mutual_information(d, 0, 1) == 0.0);
}

TEST_CASE("analysis/dependence: the Markov estimate equals the path entropy of a chain and bounds any other") {
  const auto chain = hand_made::top1(2, {{0, 0, 1, 1}, {0, 1, 1, 0}, {1, 0, 0, 1}});
  CHECK(gmoe::markov_path_entropy(chain) == Approx(gmoe::measure_paths(gmoe::count_paths(chain)).entropy));
  // The third layer is the exclusive or of the first two: independent of each of them, determined by both.
  const auto parity = hand_made::top1(2, {{0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 0}});
  CHECK(gmoe::measure_paths(gmoe::count_paths(parity)).entropy == Approx(std::log(4.0)));
  CHECK(gmoe::markov_path_entropy(parity) == Approx(std::log(8.0)));
}

TEST_CASE("analysis/dependence: one token, one layer, one expert, none at all") {
  const auto d = hand_made::top1(1, {{0}});
  CHECK(gmoe::decision_entropy(d, 0) == 0.0);
  CHECK(gmoe::markov_path_entropy(d) == 0.0);
  CHECK(gmoe::mutual_information(d, 0, 0) == 0.0);
  CHECK_THROWS_AS(gmoe::mean_at_distance(d, 1, gmoe::mutual_information), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::mean_at_distance(d, 0, gmoe::mutual_information), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::markov_path_entropy(gmoe::routing_decisions()), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::decision_entropy(hand_made::top1(2, {{}}), 0), gmoe::data_error);
}
