#include "gmoe/analysis/power_law.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using doctest::Approx;
using gmoe::curve_point;
using points = std::vector<curve_point>;

namespace {

points made(double limit, double scale, double exponent, double ripple = 0) {
  points p;
  for (int i = 1; i <= 9; ++i) {
    const double cost = 1e5 * i;
    p.push_back({cost, limit + scale * std::pow(cost, -exponent) + (i % 2 ? ripple : -ripple)});
  }
  return p;
}

}  // namespace

TEST_CASE("analysis/power_law: a curve of this form is found again") {
  for (const double exponent : {0.08, 0.5, 1.3}) {
    const double scale = std::pow(1e5, exponent);
    const auto law = gmoe::fit_power_law(made(1.2, scale, exponent));
    REQUIRE(law.has_value());
    CAPTURE(exponent);
    CHECK(law->limit == Approx(1.2).epsilon(1e-4));
    CHECK(law->exponent == Approx(exponent).epsilon(1e-4));
    CHECK(law->scale == Approx(scale).epsilon(1e-3));
    CHECK(law->residual < 1e-9);
    CHECK(law->first == 1e5);
    CHECK(law->last == 9e5);
    CHECK(law->points == 9);
    CHECK(law->loss_at(5e5) == Approx(1.2 + scale * std::pow(5e5, -exponent)));
    CHECK(law->cost_of(law->loss_at(5e5)).value() == Approx(5e5));
  }
}

TEST_CASE("analysis/power_law: the residual is what the curve misses, and nothing nearby fits better") {
  const points p = made(1.0, 300, 0.5, 0.01);
  const auto law = gmoe::fit_power_law(p);
  REQUIRE(law.has_value());
  const auto error = [&](double limit, double scale, double exponent) {
    double squares = 0;
    for (const curve_point& q : p) squares += std::pow(q.loss - limit - scale * std::pow(q.cost, -exponent), 2);
    return std::sqrt(squares / 9);
  };
  CHECK(law->residual == Approx(error(law->limit, law->scale, law->exponent)));
  CHECK(law->residual > 0.005);
  CHECK(law->residual < 0.011);
  for (const double f : {0.99, 0.999, 1.001, 1.01}) {
    CHECK(error(law->limit * f, law->scale, law->exponent) >= law->residual);
    CHECK(error(law->limit, law->scale * f, law->exponent) >= law->residual);
    CHECK(error(law->limit, law->scale, law->exponent * f) >= law->residual);
  }
}

TEST_CASE("analysis/power_law: a limit is never negative") {
  points p = made(0, 50, 0.3);
  for (curve_point& q : p) q.loss -= 0.3;  // would end at -0.3
  const auto law = gmoe::fit_power_law(p);
  REQUIRE(law.has_value());
  CHECK(law->limit == 0);
  CHECK(law->residual > 0);
}

TEST_CASE("analysis/power_law: too few points, rising curves and senseless points") {
  CHECK_FALSE(gmoe::fit_power_law(points{{1, 3}, {2, 2}, {3, 1.5}}).has_value());
  CHECK_FALSE(gmoe::fit_power_law(points{{1, 3}, {2, 2}, {3, 1.5}, {3, 1.5}}).has_value());
  CHECK_FALSE(gmoe::fit_power_law(points{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}).has_value());
  CHECK_THROWS_AS(gmoe::fit_power_law(points{{0, 1}}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::fit_power_law(points{{1, NAN}}), gmoe::data_error);
}

TEST_CASE("analysis/power_law: speedup over a baseline, within its range and beyond") {
  const gmoe::power_law baseline{.limit = 1, .scale = 100, .exponent = 0.5, .first = 1e4, .last = 1e6, .points = 9};
  // At loss 1.2 the baseline has spent 250000.
  const auto within = gmoe::speedup_over(baseline, {.cost = 1e5, .loss = 1.2});
  REQUIRE(within.has_value());
  CHECK(within->baseline_cost == Approx(250000));
  CHECK(within->factor == Approx(2.5));
  CHECK_FALSE(within->extrapolated);
  const auto beyond = gmoe::speedup_over(baseline, {.cost = 1e6, .loss = 1.05});
  REQUIRE(beyond.has_value());
  CHECK(beyond->factor == Approx(4));
  CHECK(beyond->extrapolated);
  CHECK_FALSE(gmoe::speedup_over(baseline, {.cost = 1e6, .loss = 1}).has_value());
}
