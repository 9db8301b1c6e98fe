#include "gmoe/analysis/agreement.hpp"

#include <doctest/doctest.h>

#include "gmoe/analysis/dependence.hpp"
#include "hand_made.hpp"

using doctest::Approx;
using gmoe::expert_naming;
using gmoe::no_choice;
using hand_made::ids;

namespace {

/// Layers of one token each, with these selected sets out of a shared pool of 6.
gmoe::routing_decisions sets_over_depth(const std::vector<ids>& sets) {
  gmoe::routing_decisions d;
  for (std::size_t l = 0; l < sets.size(); ++l) {
    d.add_layer(static_cast<gmoe::index_t>(l), 6, static_cast<gmoe::index_t>(sets[l].size()),
                hand_made::shared_pool(6));
    d.append(static_cast<gmoe::index_t>(l), std::vector<double>(6, 1.0), sets[l]);
  }
  return d;
}

}  // namespace

TEST_CASE("analysis/agreement: the same expert one layer on") {
  const std::vector<ids> top1{{0, 1, 2, 3}, {0, 1, 3, 2}, {0, 0, 3, 2}};
  const auto shared = hand_made::top1(4, top1, 0, true);
  CHECK(gmoe::layer_agreement(shared, 0, 1) == 0.5);
  CHECK(gmoe::layer_agreement(shared, 1, 2) == 0.75);
  CHECK(gmoe::layer_agreement(shared, 0, 2) == 0.25);
  const auto apart = hand_made::top1(4, top1);
  CHECK(gmoe::layer_agreement(apart, 0, 1) == 0.0);
  CHECK(gmoe::layer_agreement(apart, 0, 1, expert_naming::within_layer) == 0.5);
}

TEST_CASE("analysis/agreement: global ids decide, not the numbers within the layers") {
  gmoe::routing_decisions d;
  d.add_layer(0, 2, 1, {10, 20});
  d.add_layer(1, 2, 1, {20, 10});  // the same two experts, the other way round
  d.append(0, std::vector<double>{1, 0, 0, 1}, ids{0, 1});
  d.append(1, std::vector<double>{0, 1, 0, 1}, ids{1, 1});
  CHECK(gmoe::layer_agreement(d, 0, 1) == 0.5);
  CHECK(gmoe::set_consistency(d) == 0.5);
  CHECK(gmoe::usage_overlap(d, 0, 1) == Approx(0.5));  // f = (10: .5, 20: .5) and (10: 1, 20: 0)
}

TEST_CASE("analysis/agreement: Jaccard index of the selected sets") {
  CHECK(gmoe::set_consistency(sets_over_depth({{0, 1}, {1, 0}})) == 1.0);  // order does not matter
  CHECK(gmoe::set_consistency(sets_over_depth({{0, 1}, {2, 3}})) == 0.0);
  CHECK(gmoe::set_consistency(sets_over_depth({{0, 1, 2}, {4, 2, 1}})) == 0.5);
  CHECK(gmoe::set_consistency(sets_over_depth({{0, 1}, {1, 2}, {1, 2}})) == Approx((1.0 / 3 + 1) / 2));
  CHECK(gmoe::set_consistency(sets_over_depth({{0, no_choice}, {0, 5}})) == 0.5);
  // Two empty sets are no comparison; an empty and a full one are.
  CHECK(gmoe::set_consistency(sets_over_depth({{no_choice}, {no_choice}, {3}, {3}})) == 0.5);
  CHECK_THROWS_AS(gmoe::set_consistency(sets_over_depth({{no_choice}, {no_choice}})), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::set_consistency(sets_over_depth({{1}})), gmoe::data_error);
}

TEST_CASE("analysis/agreement: consistency of two layers, and what their loads alone would give") {
  const auto d = sets_over_depth({{0, 1}, {1, 2}, {1, 2}, {no_choice, no_choice}});
  CHECK(gmoe::layer_consistency(d, 0, 1).value() == Approx(1.0 / 3));
  CHECK(gmoe::layer_consistency(d, 1, 2).value() == 1.0);
  CHECK(gmoe::layer_consistency(d, 2, 3).value() == 0.0);
  CHECK_FALSE(gmoe::layer_consistency(d, 3, 3).has_value());
  // Every token goes straight on: of 4 experts alike one in four would meet its own again by chance.
  const gmoe::random_stream stream(3);
  ids even(4000), alone(4000, 2);
  for (std::size_t t = 0; t < even.size(); ++t) even[t] = static_cast<gmoe::id_type>(t % 4);
  const auto apart = hand_made::top1(4, {even, even, even});
  CHECK(gmoe::set_consistency(apart, expert_naming::within_layer) == 1.0);
  CHECK(gmoe::chance_consistency(apart, stream, expert_naming::within_layer) == Approx(0.25).epsilon(0.1));
  CHECK(gmoe::chance_consistency(apart, stream) == 0.0);  // private experts are never the same
  // Where all ask one expert the load explains all of it.
  CHECK(gmoe::chance_consistency(hand_made::top1(4, {alone, alone}), stream, expert_naming::within_layer) == 1.0);
  CHECK_THROWS_AS(gmoe::chance_consistency(sets_over_depth({{1}}), stream), gmoe::data_error);
}

TEST_CASE("analysis/agreement: runs of the same expert") {
  const auto d = sets_over_depth({{0, 1}, {0, 2}, {0, 1}, {0, 1}});
  // Runs: 0 over four layers, 1 over one, 2 over one, 1 over two.
  CHECK(gmoe::sustained_engagement(d) == 0.25);
  CHECK(gmoe::sustained_engagement(d, 2) == 0.5);
  CHECK(gmoe::sustained_engagement(d, 1) == 1.0);
  CHECK(gmoe::sustained_engagement(d, 5) == 0.0);
  CHECK_THROWS_AS(gmoe::sustained_engagement(d, 0), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::sustained_engagement(sets_over_depth({{no_choice}})), gmoe::data_error);
}

TEST_CASE("analysis/agreement: overlap of usage") {
  const std::vector<ids> top1{{0, 0, 1, 1}, {1, 1, 0, 0}, {2, 2, 2, 1}};
  const auto shared = hand_made::top1(3, top1, 0, true);
  CHECK(gmoe::usage_overlap(shared, 0, 1) == Approx(1.0));
  CHECK(gmoe::usage_overlap(shared, 0, 2) == Approx(0.25));
  CHECK(gmoe::mean_usage_overlap(shared).value() == Approx(0.5));
  CHECK(gmoe::mean_at_distance(shared, 1, gmoe::usage_overlap) == Approx(0.625));
  CHECK(gmoe::mean_usage_overlap(hand_made::top1(3, top1)).value() == 0.0);
  CHECK_FALSE(gmoe::mean_usage_overlap(hand_made::top1(3, {{0}})).has_value());
}

TEST_CASE("analysis/agreement: no tokens, no answer") {
  const gmoe::routing_decisions none;
  CHECK_THROWS_AS(gmoe::set_consistency(none), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::sustained_engagement(none), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::mean_usage_overlap(none), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::layer_agreement(none, 0, 1), gmoe::data_error);
}
