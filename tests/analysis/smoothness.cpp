#include "gmoe/analysis/smoothness.hpp"

#include <doctest/doctest.h>

#include "hand_made.hpp"

using doctest::Approx;
using hand_made::ids;

TEST_CASE("analysis/smoothness: constant and alternating routings") {
  CHECK(gmoe::routing_smoothness(hand_made::top1(2, {ids(6, 1)})) == 1.0);
  CHECK(gmoe::routing_smoothness(hand_made::top1(2, {{0, 1, 0, 1, 0}})) == 0.0);
  CHECK(gmoe::routing_smoothness(hand_made::top1(2, {ids(5, 0), {0, 1, 0, 1, 0}})) == 0.5);
  CHECK(gmoe::routing_smoothness(hand_made::top1(3, {{0, 0, 1, 2}})) == Approx(1.0 / 3));
}

TEST_CASE("analysis/smoothness: neighbours do not cross the end of a sequence") {
  const std::vector<ids> top1{{0, 0, 0, 1, 1, 1, 2}};  // changes exactly at the ends of sequences of 3
  CHECK(gmoe::adjacent_pairs(hand_made::top1(3, top1)) == 6);
  CHECK(gmoe::routing_smoothness(hand_made::top1(3, top1)) == Approx(4.0 / 6));
  CHECK(gmoe::adjacent_pairs(hand_made::top1(3, top1, 3)) == 4);
  CHECK(gmoe::routing_smoothness(hand_made::top1(3, top1, 3)) == 1.0);
  CHECK(gmoe::adjacent_pairs(hand_made::top1(3, {{0, 0, 0, 1, 1, 1}}, 3)) == 4);
  CHECK(gmoe::adjacent_pairs(hand_made::top1(3, top1, 100)) == 6);
  CHECK(gmoe::routing_smoothness(hand_made::top1(2, {{0, 1, 1, 0}}, 2)) == 0.0);  // alike only across the border
}

TEST_CASE("analysis/smoothness: no neighbours is an error") {
  CHECK_THROWS_AS(gmoe::routing_smoothness(hand_made::top1(2, {{0}})), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::routing_smoothness(hand_made::top1(2, {{0, 0, 0}}, 1)), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::routing_smoothness(gmoe::routing_decisions()), gmoe::data_error);
  CHECK(gmoe::adjacent_pairs(gmoe::routing_decisions()) == 0);
}
