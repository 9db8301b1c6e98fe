#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/random: dropout is a function of the stream, element by element", B, GMOE_TEST_BACKENDS) {
  const random_stream random = random_stream(3).fork("dropout");
  with_threads<B>([&] {
    for (index_t cols : {1, 5, 300})
      for (double beta : {0.0, 1.0}) {
        const index_t rows = 37;
        const table x = random_table(rows, cols, 1, 1, 2), before = random_table(rows, cols, 2);
        table expected(rows, cols);
        for (std::size_t i = 0; i < x.values.size(); ++i) {
          const bool dropped = random.words(i / 4).word[i % 4] * 0x1.0p-32 < 0.2;
          expected.values[i] = (dropped ? 0 : x.values[i] / 0.8) + beta * before.values[i];
        }
        framed<B> y(beta == 0 ? table(rows, cols, not_a_number) : before);
        const framed<B> fx(x);
        B::dropout(y.view(), static_cast<typename B::scalar>(beta), fx.in(), random, 0.2);
        CHECK(difference(y.inner(), expected) < tolerance<B>);
        CHECK(y.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/random: a stream from a later draw on gives the rest", B, GMOE_TEST_BACKENDS) {
  const random_stream random(4);
  for (index_t skipped : {1, 2, 3, 4, 9}) {  // rows of 7
    const auto from = random.from(static_cast<std::uint64_t>(skipped * 7));
    matrix<B> all(20, 7), rest(20 - skipped, 7);
    const auto ones = matrix<B>::filled(20, 7, typename B::scalar(1));
    B::dropout(all.view(), 0, ones.view(), random, 0.4);
    B::dropout(rest.view(), 0, ones.view().row_block(0, rest.rows()), from, 0.4);
    const auto tail = get(all).values;
    CHECK(get(rest).values == std::vector<double>(tail.begin() + skipped * 7, tail.end()));
    B::fill_uniform(all.view(), 0, 1, random);
    B::fill_uniform(rest.view(), 0, 1, from);
    const auto numbers = get(all).values;
    CHECK(get(rest).values == std::vector<double>(numbers.begin() + skipped * 7, numbers.end()));
  }
}

TEST_CASE_TEMPLATE("backend/random: dropout drops its share and keeps the mean", B, GMOE_TEST_BACKENDS) {
  const index_t rows = 400, cols = 250;
  const double n = static_cast<double>(rows * cols);
  for (double probability : {0.1, 0.5, 0.9}) {
    matrix<B> y(rows, cols);
    B::dropout(y.view(), 0, put<B>(table(rows, cols, 1)).view(), random_stream(5), probability);
    double zeros = 0, sum = 0;
    const table t = get(y);
    for (double v : t.values) {
      zeros += v == 0;
      sum += v;
    }
    const double deviation = std::sqrt(probability * (1 - probability) / n);
    CHECK(std::abs(zeros / n - probability) < 4 * deviation);
    CHECK(std::abs(sum / n - 1) < 4 * deviation / (1 - probability));
    matrix<B> other(rows, cols);
    B::dropout(other.view(), 0, put<B>(table(rows, cols, 1)).view(), random_stream(6), probability);
    CHECK(get(other).values != t.values);
  }
}

TEST_CASE_TEMPLATE("backend/random: uniform numbers fill their range", B, GMOE_TEST_BACKENDS) {
  const index_t rows = 100, cols = 333;
  matrix<B> y(rows, cols);
  B::fill_uniform(y.view(), -1, 3, random_stream(8));
  double sum = 0, square = 0, low = 9, high = -9;
  const table t = get(y);
  for (double v : t.values) {
    sum += v;
    square += (v - 1) * (v - 1);
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const double n = static_cast<double>(rows * cols);
  CHECK(std::abs(sum / n - 1) < 4 * std::sqrt(16.0 / 12 / n));
  CHECK(square / n == doctest::Approx(16.0 / 12).epsilon(0.03));
  CHECK(low >= -1);
  CHECK(low < -0.99);
  CHECK(high <= 3);
  CHECK(high > 2.99);
  const double u = random_stream(8).words(0).word[2] * 0x1.0p-32;
  CHECK(t(0, 2) == doctest::Approx(-1 + 4 * u));
}
