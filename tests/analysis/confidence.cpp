#include "gmoe/analysis/confidence.hpp"

#include <doctest/doctest.h>

#include "hand_made.hpp"

using doctest::Approx;
using gmoe::no_choice;
using hand_made::ids;
using numbers = std::vector<double>;

namespace {

gmoe::routing_decisions one_layer(gmoe::index_t experts, gmoe::index_t slots, const numbers& p, const ids& selected) {
  gmoe::routing_decisions d;
  d.add_layer(0, experts, slots);
  d.append(0, p, selected);
  return d;
}

}  // namespace

TEST_CASE("analysis/confidence: a certain router") {
  const auto m = gmoe::measure_confidence(one_layer(4, 1, {0, 1, 0, 0}, {1}), 0);
  CHECK(m.selected_mass == 1.0);
  CHECK(m.decisiveness == 1.0);
  CHECK(m.set_entropy == 0.0);
  CHECK(m.effective_experts == 1.0);
  CHECK(m.top1_share == 1.0);
  CHECK(m.router_entropy == 0.0);
  CHECK(m.normalized_router_entropy == 0.0);
  CHECK(m.margin == 1.0);
}

TEST_CASE("analysis/confidence: an undecided router") {
  const auto m = gmoe::measure_confidence(one_layer(4, 2, {0.25, 0.25, 0.25, 0.25}, {0, 1}), 0);
  CHECK(m.selected_mass == Approx(0.5));
  CHECK(m.decisiveness == Approx(0.0));
  CHECK(m.set_entropy == Approx(1.0));
  CHECK(m.effective_experts == Approx(2.0));
  CHECK(m.top1_share == Approx(0.5));
  CHECK(m.router_entropy == Approx(std::log(4.0)));
  CHECK(m.normalized_router_entropy == Approx(1.0));
  CHECK(m.margin == Approx(0.0));
}

TEST_CASE("analysis/confidence: a set worked out by hand, whose best is not the router's best") {
  const auto m = gmoe::measure_confidence(one_layer(4, 2, {0.1, 0.5, 0.3, 0.1}, {0, 2}), 0);
  CHECK(m.selected_mass == Approx(0.4));
  CHECK(m.decisiveness == Approx(0.5));                                      // (0.3 - 0.1) / 0.4
  CHECK(m.set_entropy == Approx(2 - 0.75 * std::log(3.0) / std::log(2.0)));  // H(3/4, 1/4) in bits
  CHECK(m.effective_experts == Approx(1.6));                                 // 1 / (9/16 + 1/16)
  CHECK(m.top1_share == Approx(0.75));
  CHECK(m.margin == Approx(0.2));
}

TEST_CASE("analysis/confidence: tokens are averaged, empty sets only where the set is not asked") {
  const auto m = gmoe::measure_confidence(one_layer(2, 1, {1, 0, 0.5, 0.5, 0.5, 0.5}, {0, 1, no_choice}), 0);
  CHECK(m.selected_mass == Approx(0.75));
  CHECK(m.router_entropy == Approx(2 * std::log(2.0) / 3));
  CHECK(m.margin == Approx(1.0 / 3));
}

TEST_CASE("analysis/confidence: one expert leaves no doubt") {
  const auto m = gmoe::measure_confidence(one_layer(1, 1, {1}, {0}), 0);
  CHECK(m.normalized_router_entropy == 0.0);
  CHECK(m.margin == 1.0);
}

TEST_CASE("analysis/confidence: without scores or selections there is none") {
  gmoe::routing_decisions hashed;
  hashed.add_layer(0, 2, 1);
  hashed.append_unscored(0, ids{1});
  CHECK_THROWS_AS(gmoe::measure_confidence(hashed, 0), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::measure_confidence(one_layer(2, 1, {1, 0}, {no_choice}), 0), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::measure_confidence(one_layer(2, 1, {1, 0}, {1}), 0), gmoe::data_error);  // weight 0
  CHECK_THROWS_AS(gmoe::measure_confidence(gmoe::routing_decisions(), 0), gmoe::data_error);
}
