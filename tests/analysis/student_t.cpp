#include "gmoe/analysis/student_t.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

using doctest::Approx;

TEST_CASE("analysis/student_t: quantiles of the usual tables") {
  const auto rounded = [](double level, gmoe::index_t n) { return gmoe::student_quantile(level, n); };
  // Two-sided 90, 95, 99 and 99.9 per cent.
  const struct {
    gmoe::index_t degrees;
    double t90, t95, t99, t999;
  } table[] = {{1, 6.313752, 12.706205, 63.656741, 636.619249}, {2, 2.919986, 4.302653, 9.924843, 31.599055},
               {3, 2.353363, 3.182446, 5.840909, 12.923979},    {4, 2.131847, 2.776445, 4.604095, 8.610302},
               {5, 2.015048, 2.570582, 4.032143, 6.868827},     {10, 1.812461, 2.228139, 3.169273, 4.586894},
               {30, 1.697261, 2.042272, 2.749996, 3.645959},    {120, 1.657651, 1.979930, 2.617421, 3.373454}};
  for (const auto& row : table) {
    CAPTURE(row.degrees);
    CHECK(rounded(0.90, row.degrees) == Approx(row.t90).epsilon(1e-6));
    CHECK(rounded(0.95, row.degrees) == Approx(row.t95).epsilon(1e-6));
    CHECK(rounded(0.99, row.degrees) == Approx(row.t99).epsilon(1e-6));
    CHECK(rounded(0.999, row.degrees) == Approx(row.t999).epsilon(1e-6));
  }
}

TEST_CASE("analysis/student_t: closed forms, limits and the density's integral") {
  for (const double t : {0.0, 0.1, 1.0, 3.0, 50.0}) {
    CHECK(gmoe::student_within(t, 1) == Approx(2 / std::numbers::pi * std::atan(t)));
    CHECK(gmoe::student_within(t, 2) == Approx(t / std::sqrt(2 + t * t)));
    CHECK(gmoe::student_within(t, 2000) == Approx(std::erf(t / std::numbers::sqrt2)).epsilon(1e-3));
  }
  for (const gmoe::index_t n : {3, 4, 7, 12}) {
    const double degrees = static_cast<double>(n), end = 1.7;
    const double norm =
        std::exp(std::lgamma((degrees + 1) / 2) - std::lgamma(degrees / 2)) / std::sqrt(degrees * std::numbers::pi);
    const auto density = [&](double x) { return norm * std::pow(1 + x * x / degrees, -(degrees + 1) / 2); };
    double sum = 0;
    const int parts = 2000;
    for (int i = 0; i < parts; ++i) sum += density((i + 0.5) * end / parts) * end / parts;
    CHECK(gmoe::student_within(end, n) == Approx(2 * sum).epsilon(1e-6));
  }
}

TEST_CASE("analysis/student_t: quantiles invert the distribution; senseless questions are refused") {
  for (const gmoe::index_t n : {1, 2, 3, 9, 40})
    for (const double level : {0.01, 0.5, 0.95, 0.9999})
      CHECK(gmoe::student_within(gmoe::student_quantile(level, n), n) == Approx(level).epsilon(1e-9));
  CHECK_THROWS_WITH_AS(gmoe::student_within(1, 0), "student_within: 0 degrees of freedom, expected at least 1",
                       gmoe::config_error);
  CHECK_THROWS_WITH_AS(gmoe::student_within(-1, 2), "student_within: t is -1, expected at least 0", gmoe::config_error);
  CHECK_THROWS_WITH_AS(gmoe::student_quantile(1, 2), "student_quantile: the level is 1, expected between 0 and 1",
                       gmoe::config_error);
}
