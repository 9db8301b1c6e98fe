#include "gmoe/analysis/accuracy.hpp"

#include <doctest/doctest.h>

using doctest::Approx;

TEST_CASE("analysis/accuracy: Wilson's interval, as published") {
  // Newcombe, Statistics in Medicine 1998, table I, method 3, to four digits.
  const struct {
    gmoe::index_t right, questions;
    double low, high;
  } table[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& row : table) {
    CAPTURE(row.right);
    const gmoe::accuracy a = gmoe::measure_accuracy(row.right, row.questions);
    CHECK(a.right == row.right);
    CHECK(a.questions == row.questions);
    CHECK(a.share == Approx(static_cast<double>(row.right) / static_cast<double>(row.questions)));
    CHECK(std::abs(a.low - row.low) < 6e-5);
    CHECK(std::abs(a.high - row.high) < 6e-5);
  }
}

TEST_CASE("analysis/accuracy: its ends are the shares that a test just does not reject") {
  for (const gmoe::index_t n : {1, 7, 100})
    for (gmoe::index_t right = 0; right <= n; right += n == 100 ? 9 : 1) {
      const gmoe::accuracy a = gmoe::measure_accuracy(right, n);
      CHECK(0 <= a.low);
      CHECK(a.low <= a.share);
      CHECK(a.share <= a.high);
      CHECK(a.high <= 1);
      for (const double p : {a.low, a.high}) {
        const double off = std::abs(a.share - p);
        if (off > 0) CHECK(off == Approx(1.959964 * std::sqrt(p * (1 - p) / static_cast<double>(n))).epsilon(1e-6));
      }
      CHECK(a.low == Approx(1 - gmoe::measure_accuracy(n - right, n).high));
    }
  CHECK(gmoe::measure_accuracy(0, 3).low == 0);
  CHECK(gmoe::measure_accuracy(3, 3).high == 1);
}

TEST_CASE("analysis/accuracy: the mean share of several models has an interval too") {
  const gmoe::interval in = gmoe::wilson_interval(0.5, 100),
                       counted{gmoe::measure_accuracy(50, 100).low, gmoe::measure_accuracy(50, 100).high};
  CHECK(in.low == counted.low);
  CHECK(in.high == counted.high);
  CHECK(gmoe::wilson_interval(1.0 / 3, 10).holds(1.0 / 3));
  CHECK_FALSE(gmoe::wilson_interval(1.0 / 3, 100).holds(0.5));
}

TEST_CASE("analysis/accuracy: senseless counts are refused") {
  CHECK_THROWS_WITH_AS(gmoe::wilson_interval(0.5, 0), "accuracy of 0 questions, expected at least 1", gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::wilson_interval(1.5, 3), "accuracy is 1.5, expected 0 to 1", gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::measure_accuracy(0, 0), "accuracy of 0 questions, expected at least 1", gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::measure_accuracy(4, 3), "accuracy: 4 of 3 are right", gmoe::data_error);
}
