#include "gmoe/analysis/paired_difference.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using doctest::Approx;
using values = std::vector<double>;

TEST_CASE("analysis/paired_difference: mean and sample deviation") {
  const gmoe::spread s = gmoe::measure_spread(values{2, 4, 9});
  CHECK(s.count == 3);
  CHECK(s.mean == Approx(5));
  CHECK(s.deviation.value() == Approx(std::sqrt(13.0)));
  CHECK(gmoe::measure_spread(values{7}).mean == 7);
  CHECK_FALSE(gmoe::measure_spread(values{7}).deviation.has_value());
  CHECK_THROWS_AS(gmoe::measure_spread(values{}), gmoe::data_error);
}

TEST_CASE("analysis/paired_difference: an interval by hand") {
  // Differences 1, 2, 3: mean 2, deviation 1, half width 4.302653 / sqrt(3).
  const auto d = gmoe::compare_pairs(values{10, 20, 30}, values{11, 22, 33});
  CHECK(d.count == 3);
  CHECK(d.mean == Approx(2));
  CHECK(d.deviation.value() == Approx(1));
  CHECK(d.low == Approx(2 - 4.302653 / std::sqrt(3)));
  CHECK(d.high == Approx(2 + 4.302653 / std::sqrt(3)));
  CHECK(d.within_noise());
  CHECK_FALSE(gmoe::compare_pairs(values{10, 20, 30}, values{11, 22, 33}, 0.8).within_noise());
  CHECK_THROWS_WITH_AS(gmoe::compare_pairs(values{1, 2}, values{1}),
                       "compare_pairs: 2 values and 1, expected as many of both", gmoe::data_error);
}

TEST_CASE("analysis/paired_difference: what one pair and equal pairs say") {
  const auto one = gmoe::compare_pairs(values{5}, values{1});
  CHECK(one.mean == -4);
  CHECK(one.within_noise());
  CHECK(std::isinf(one.low));
  const auto same = gmoe::compare_pairs(values{5, 6, 7}, values{5, 6, 7});
  CHECK(same.low == 0);
  CHECK(same.high == 0);
  CHECK(same.within_noise());
  CHECK_FALSE(gmoe::compare_pairs(values{5, 6, 7}, values{6, 7, 8}).within_noise());  // always by one
}

TEST_CASE("analysis/paired_difference: what the seed does to both drops out") {
  std::mt19937 random(1);
  std::normal_distribution<double> seed(0, 10), own(0, 0.1);
  values a, b;
  for (int s = 0; s < 5; ++s) {
    const double both = seed(random);
    a.push_back(both + own(random));
    b.push_back(both + 1 + own(random));
  }
  CHECK(*gmoe::measure_spread(a).deviation > 1);
  const auto d = gmoe::compare_pairs(a, b);
  CHECK(*d.deviation < 0.5);
  CHECK_FALSE(d.within_noise());
}

TEST_CASE("analysis/paired_difference: intervals hold the truth as often as their level says") {
  for (const int seeds : {2, 3, 5}) {
    std::mt19937 random(static_cast<unsigned>(seeds));
    std::normal_distribution<double> noise(0, 1);
    int held = 0;
    for (int i = 0; i < 2000; ++i) {
      values a, b;
      for (int s = 0; s < seeds; ++s) {
        a.push_back(noise(random));
        b.push_back(noise(random) + 3);
      }
      const auto d = gmoe::compare_pairs(a, b);
      held += d.low <= 3 && 3 <= d.high;
    }
    CAPTURE(seeds);
    CHECK(std::abs(held / 2000.0 - 0.95) < 0.02);  // four standard deviations of the count
  }
}
