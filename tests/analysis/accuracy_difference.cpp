#include "gmoe/analysis/accuracy_difference.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using doctest::Approx;

namespace {

/// Answers of two models with `both` right for both, `only_a`, `only_b`, and `none`.
gmoe::accuracy_difference of_cells(int both, int only_a, int only_b, int none) {
  std::vector<double> a, b;
  const auto add = [&](int count, double of_a, double of_b) {
    a.insert(a.end(), static_cast<std::size_t>(count), of_a);
    b.insert(b.end(), static_cast<std::size_t>(count), of_b);
  };
  add(both, 1, 1);
  add(only_a, 1, 0);
  add(only_b, 0, 1);
  add(none, 0, 0);
  return gmoe::compare_accuracies(a, b);
}

}  // namespace

TEST_CASE("analysis/accuracy_difference: half an answer more in each cell, then the usual interval of pairs") {
  const struct {
    int both, only_a, only_b, none;
  } cells[] = {{794, 150, 86, 570}, {3, 0, 4, 3}, {1, 0, 0, 0}, {0, 0, 5, 0}};
  for (const auto& c : cells) {
    const auto d = of_cells(c.both, c.only_a, c.only_b, c.none);
    const double n = c.both + c.only_a + c.only_b + c.none;
    CHECK(d.questions == static_cast<gmoe::index_t>(n));
    CHECK(d.mean == Approx((c.only_b - c.only_a) / n));
    const double p = (c.only_a + 0.5) / (n + 2), q = (c.only_b + 0.5) / (n + 2);
    const double half = 1.959964 * std::sqrt((p + q - (q - p) * (q - p)) / (n + 2));
    CHECK(d.low == Approx(std::max(q - p - half, -1.0)).epsilon(1e-6));
    CHECK(d.high == Approx(std::min(q - p + half, 1.0)).epsilon(1e-6));
    CHECK(d.holds(d.mean));
  }
  CHECK_FALSE(of_cells(794, 150, 86, 570).holds(0));  // approval of a prime minister, in two polls of 1600 (Agresti)
  CHECK(of_cells(5, 0, 0, 5).holds(0));
  CHECK(of_cells(0, 0, 1, 0).holds(0));  // one question proves nothing
}

TEST_CASE(
    "analysis/accuracy_difference: turned, it has the other sign; shares of several seeds count as what they are") {
  const std::vector<double> a{0, 1.0 / 3, 1, 1, 2.0 / 3}, b{1, 2.0 / 3, 1, 0, 1};
  const auto d = gmoe::compare_accuracies(a, b), turned = gmoe::compare_accuracies(b, a);
  CHECK(d.mean == Approx((1 + 1.0 / 3 + 0 - 1 + 1.0 / 3) / 5));
  CHECK(turned.mean == Approx(-d.mean));
  CHECK(turned.low == Approx(-d.high));
  CHECK(turned.high == Approx(-d.low));
}

TEST_CASE("analysis/accuracy_difference: the interval holds the truth 95 times of 100") {
  // Three seeds of each model; question by question a has the chance p, b the chance p + 0.05.
  std::mt19937_64 draws(5);
  std::uniform_real_distribution<double> uniform(0, 1);
  int held = 0;
  constexpr int rounds = 1000, questions = 200;
  for (int r = 0; r < rounds; ++r) {
    std::vector<double> a(questions), b(questions);
    for (std::size_t q = 0; q < questions; ++q) {
      const double p = 0.2 + 0.6 * uniform(draws);
      for (int seed = 0; seed < 3; ++seed) {
        a[q] += (uniform(draws) < p) / 3.0;
        b[q] += (uniform(draws) < p + 0.05) / 3.0;
      }
      a[q] = std::min(a[q], 1.0);
      b[q] = std::min(b[q], 1.0);
    }
    held += gmoe::compare_accuracies(a, b).holds(0.05);
  }
  CHECK(held > 0.93 * rounds);
  CHECK(held < 0.98 * rounds);
}

TEST_CASE("analysis/accuracy_difference: what is no answer is refused") {
  using shares = std::vector<double>;
  CHECK_THROWS_WITH_AS(gmoe::compare_accuracies(shares{}, shares{}),
                       "compare_accuracies: 0 and 0 answers, expected as many of both, and at least 1",
                       gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::compare_accuracies(shares{1, 0}, shares{1}),
                       "compare_accuracies: 2 and 1 answers, expected as many of both, and at least 1",
                       gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::compare_accuracies(shares{1, 0}, shares{1, 1.5}),
                       "compare_accuracies: the share of question 1 is 1.5, expected 0 to 1", gmoe::data_error);
}
