#include "compare/paths.hpp"

#include <doctest/doctest.h>

#include "analysis/hand_made.hpp"

using doctest::Approx;
using gmoe::index_t;

namespace {

// Eight tokens in three layers, at blocks 0, 1, 2.
gmoe::routing_decisions decisions() {
  return hand_made::top1(3, {{0, 0, 0, 1, 1, 2, 2, 0}, {1, 1, 1, 0, 0, 2, 2, 1}, {0, 0, 1, 2, 2, 2, 1, 0}});
}

}  // namespace

TEST_CASE("compare/paths: a kept histogram, cut to some blocks, gives the metrics of the decisions themselves") {
  const auto d = decisions();
  const auto kept = compare::to_json(gmoe::count_paths(d), d);
  for (const std::vector<index_t>& blocks : {std::vector<index_t>{0, 1, 2}, {0, 2}, {1}}) {
    const auto expected = gmoe::measure_paths(gmoe::count_paths(d, blocks));
    const auto m = compare::metrics_in_blocks(nlohmann::json::parse(kept.dump()), blocks);
    CHECK(m.tokens == 8);
    CHECK(m.layers == std::ssize(blocks));
    CHECK(m.distinct == expected.distinct);
    CHECK(m.entropy == Approx(expected.entropy));
    CHECK(m.normalized_entropy == Approx(expected.normalized_entropy));
    CHECK(m.top1_mass == expected.top1_mass);
  }
  CHECK_THROWS_AS(compare::metrics_in_blocks(kept, {5}), gmoe::config_error);
  auto broken = kept;
  broken["experts"].erase(2);  // used to be read beyond its end
  CHECK_THROWS_AS(compare::metrics_in_blocks(broken, {0}), gmoe::data_error);
}

TEST_CASE("compare/paths: the flow diagram's numbers") {
  const auto d = decisions();
  const auto f = compare::flow(gmoe::count_paths(d), d, 2);
  REQUIRE(f["top"].size() == 2);
  CHECK(f["top"][0]["steps"] == std::vector<int>{0, 1, 0});
  CHECK(f["top"][0]["share"] == Approx(3.0 / 8));
  CHECK(f["top"][1]["share"] == Approx(2.0 / 8));
  REQUIRE(f["links"].size() == 2);
  CHECK(f["links"][0][0][1] == Approx(4.0 / 8));
  CHECK(f["links"][0][1][0] == Approx(2.0 / 8));
  CHECK(f["links"][1][2][2] == Approx(1.0 / 8));
  for (const auto& layer : f["links"]) {
    double sum = 0;
    for (const auto& row : layer)
      for (const double m : row) sum += m;
    CHECK(sum == Approx(1.0));
  }
}
