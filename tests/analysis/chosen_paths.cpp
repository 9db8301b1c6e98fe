#include "gmoe/analysis/chosen_paths.hpp"

#include <doctest/doctest.h>

#include "hand_made.hpp"

using doctest::Approx;
using gmoe::no_choice;
using gmoe::path_of;
using gmoe::path_step;
using hand_made::ids;

namespace {

/// Two layers of 4 experts, two slots each.
gmoe::routing_decisions in_pairs(const ids& first, const ids& second) {
  gmoe::routing_decisions d;
  for (const ids& each : {first, second}) {
    const gmoe::index_t l = d.add_layer(d.layers(), 4, 2);
    d.append(l, std::vector<double>(each.size() * 2, 1.0), each);
  }
  return d;
}

}  // namespace

TEST_CASE("analysis/chosen_paths: sets have no order, first choices have one") {
  // Tokens: {0,1}{2,3}  {1,0}{3,2}  {1,0}{2}  {0,1}{2}  {1,0}{2}
  const auto d = in_pairs({0, 1, 1, 0, 1, 0, 0, 1, 1, 0}, {2, 3, 3, 2, 2, no_choice, no_choice, 2, 2, no_choice});
  const auto sets = gmoe::count_chosen_paths(d, path_of::sets);
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].steps == std::vector<path_step>{{0, 1}, {2}});
  CHECK(sets[0].count == 3);
  CHECK(sets[1].steps == std::vector<path_step>{{0, 1}, {2, 3}});
  CHECK(sets[1].count == 2);
  const auto first = gmoe::count_chosen_paths(d, path_of::first_choices);
  REQUIRE(first.size() == 3);
  CHECK(first[0].steps == std::vector<path_step>{{0}, {2}});
  CHECK(first[0].count == 2);
  CHECK(first[1].steps == std::vector<path_step>{{1}, {2}});  // as often, but seen later
  CHECK(first[1].count == 2);
  CHECK(first[2].steps == std::vector<path_step>{{1}, {3}});
}

TEST_CASE("analysis/chosen_paths: how many tokens are on some of them") {
  const auto d = in_pairs({0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 0, 1, 2, 3, 2, 3});
  const auto paths = gmoe::count_chosen_paths(d, path_of::sets);
  REQUIRE(paths.size() == 3);
  CHECK(gmoe::share_on(d, paths, path_of::sets) == 1.0);
  CHECK(gmoe::share_on(d, std::span(paths).first(1), path_of::sets) == Approx(0.5));
  CHECK(gmoe::share_on(d, std::span(paths).last(1), path_of::sets) == Approx(0.25));
  const auto other = in_pairs({0, 1, 3, 2}, {0, 1, 1, 0});
  CHECK(gmoe::share_on(other, paths, path_of::sets) == Approx(0.5));
  CHECK_THROWS_AS(gmoe::count_chosen_paths(gmoe::routing_decisions(), path_of::sets), gmoe::data_error);
}

TEST_CASE("analysis/chosen_paths: who chooses nobody makes a step too") {
  CHECK(gmoe::step_of(ids{no_choice, no_choice}, path_of::sets).empty());
  CHECK(gmoe::step_of(ids{no_choice, 3, 1}, path_of::sets) == path_step{1, 3});
  CHECK(gmoe::step_of(ids{no_choice, 3, 1}, path_of::first_choices) == path_step{3});
}
