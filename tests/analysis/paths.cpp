#include "gmoe/analysis/paths.hpp"

#include <doctest/doctest.h>

#include <map>

#include "gmoe/core/random.hpp"
#include "hand_made.hpp"

using doctest::Approx;
using gmoe::index_t;
using hand_made::ids;

namespace {
ids steps_of(const gmoe::path_histogram& h, index_t n) { return ids(h.path(n).begin(), h.path(n).end()); }
}  // namespace

TEST_CASE("analysis/paths: the histogram is ordered by count, then by first appearance") {
  const auto h = gmoe::count_paths(hand_made::top1(3, {{2, 0, 1, 0, 1, 0}, {1, 0, 2, 0, 2, 1}}));
  CHECK(h.count == std::vector<index_t>{2, 2, 1, 1});
  CHECK(steps_of(h, 0) == ids{0, 0});
  CHECK(steps_of(h, 1) == ids{1, 2});
  CHECK(steps_of(h, 2) == ids{2, 1});
  CHECK(steps_of(h, 3) == ids{0, 1});
  CHECK(h.label == std::vector<index_t>{2, 0, 1, 0, 1, 3});
  CHECK(h.share(0) == Approx(1.0 / 3));
  CHECK(h.log_possible == Approx(2 * std::log(3.0)));
}

TEST_CASE("analysis/paths: every possible path once") {
  const auto m = gmoe::measure_paths(gmoe::count_paths(hand_made::top1(2, {{0, 0, 1, 1}, {0, 1, 0, 1}})));
  CHECK(m.tokens == 4);
  CHECK(m.layers == 2);
  CHECK(m.distinct == 4);
  CHECK(m.entropy == Approx(std::log(4.0)));
  CHECK(m.entropy_miller_madow == Approx(std::log(4.0) + 3.0 / 8));
  CHECK(m.effective_number == Approx(4.0));
  CHECK(m.normalized_entropy == Approx(1.0));
  CHECK(m.top1_mass == 0.25);
  CHECK(m.top10_mass == 1.0);
  CHECK(m.unique_ratio == 1.0);
  CHECK(m.collision_probability == Approx(0.25));
  CHECK(m.effective_number_order2 == Approx(4.0));
}

TEST_CASE("analysis/paths: everybody on one path") {
  const auto m = gmoe::measure_paths(gmoe::count_paths(hand_made::top1(4, {ids(10, 3), ids(10, 1)})));
  CHECK(m.distinct == 1);
  CHECK(m.entropy == 0.0);
  CHECK(m.entropy_miller_madow == 0.0);
  CHECK(m.effective_number == 1.0);
  CHECK(m.normalized_entropy == 0.0);
  CHECK(m.top1_mass == 1.0);
  CHECK(m.unique_ratio == Approx(0.1));
  CHECK(m.collision_probability == 1.0);
}

TEST_CASE("analysis/paths: shares 4/8, 2/8, 1/8, 1/8, normalised by the paths that are possible") {
  const auto h = gmoe::count_paths(hand_made::top1(2, {{0, 0, 0, 0, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 0, 1}}));
  const auto m = gmoe::measure_paths(h);
  CHECK(m.entropy == Approx(1.75 * std::log(2.0)));
  CHECK(m.normalized_entropy == Approx(1.75 / 2));  // min(ln 8, 2 ln 2)
  CHECK(m.collision_probability == Approx(22.0 / 64));
  CHECK(gmoe::top_mass(h, 1) == 0.5);
  CHECK(gmoe::top_mass(h, 2) == 0.75);
  CHECK(gmoe::top_mass(h, 99) == 1.0);
  CHECK_THROWS_AS(gmoe::top_mass(h, 0), gmoe::config_error);
}

TEST_CASE("analysis/paths: few tokens bound the entropy, not the experts") {
  const auto m = gmoe::measure_paths(gmoe::count_paths(hand_made::top1(100, {{5, 9}, {0, 0}})));
  CHECK(m.normalized_entropy == Approx(1.0));  // ln 2 of min(ln 2, 2 ln 100)
}

TEST_CASE("analysis/paths: a subset of layers") {
  const auto d = hand_made::top1(2, {{0, 1, 0, 1}, {0, 0, 1, 1}, {1, 1, 1, 1}});
  CHECK(gmoe::count_paths(d).distinct() == 4);
  const auto h = gmoe::count_paths(d, {0, 2});
  CHECK(h.layers == std::vector<index_t>{0, 2});
  CHECK(h.distinct() == 2);
  CHECK(steps_of(h, 1) == ids{1, 1});
  CHECK(gmoe::count_paths(d, {2}).distinct() == 1);
  CHECK_THROWS_AS(gmoe::count_paths(d, {}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::count_paths(d, {2, 0}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::count_paths(d, {3}), gmoe::config_error);
}

TEST_CASE("analysis/paths: keys stay exact beyond 64 bits") {
  constexpr index_t layers = 60, experts = 16, tokens = 300;  // 240 bits
  const gmoe::random_stream draw(3);
  std::vector<ids> top1(layers, ids(tokens));
  for (index_t t = 0; t < tokens; ++t) {
    const auto kind = draw.below(t, 40);  // 40 kinds of tokens, that differ in one layer only
    for (index_t l = 0; l < layers; ++l)
      top1[l][t] = static_cast<gmoe::id_type>(l == static_cast<index_t>(kind) ? 1 + kind % 10 : 0);
  }
  std::map<ids, index_t> expected;
  for (index_t t = 0; t < tokens; ++t) {
    ids path;
    for (const ids& layer : top1) path.push_back(layer[t]);
    ++expected[path];
  }
  const auto h = gmoe::count_paths(hand_made::top1(experts, top1));
  CHECK(h.distinct() == static_cast<index_t>(expected.size()));
  CHECK(h.distinct() > 35);
  for (index_t n = 0; n < h.distinct(); ++n) CHECK(h.count[n] == expected[steps_of(h, n)]);
  for (index_t t = 0; t < tokens; ++t)
    for (index_t l = 0; l < layers; ++l) REQUIRE(h.path(h.label[t])[l] == top1[l][t]);
}

TEST_CASE("analysis/paths: one token, one layer, one expert, none at all") {
  const auto m = gmoe::measure_paths(gmoe::count_paths(hand_made::top1(1, {{0}})));
  CHECK(m.distinct == 1);
  CHECK(m.normalized_entropy == 1.0);
  CHECK(m.unique_ratio == 1.0);
  CHECK_THROWS_AS(gmoe::count_paths(gmoe::routing_decisions()), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::count_paths(hand_made::top1(2, {{}})), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::measure_paths(gmoe::path_histogram()), gmoe::data_error);
}
