#include "gmoe/ops/prefix_mixtures.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Of sequences of `sequence` rows, sequence by sequence, mixture by mixture.
table mixtures_so_far(const table& z, const table& x, index_t sequence) {
  table y(x.rows * z.cols, x.cols);
  for (index_t row = 0; row < y.rows; ++row) {
    const index_t b = row / sequence / z.cols, j = row / sequence % z.cols, t = row % sequence;
    double sum = 0;
    for (index_t u = b * sequence; u <= b * sequence + t; ++u) {
      sum += std::exp(z(u, j));
      for (index_t c = 0; c < x.cols; ++c) y(row, c) += std::exp(z(u, j)) * x(u, c);
    }
    for (index_t c = 0; c < x.cols; ++c) y(row, c) /= sum;
  }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/prefix_mixtures: softmax over a sequence so far", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(6, 2, 1), x = random_table(6, 3, 2);
  for (index_t sequence : {1, 3, 6}) {
    const operation<B> f = [&](const inputs<B>& in) {
      running_mixtures<B> nothing_yet;
      return prefix_mixtures(in[0], in[1], sequence, nothing_yet);
    };
    CHECK(difference(evaluate<B>(f, {z, x}), mixtures_so_far(z, x, sequence)) < 1e-13);
    CHECK(gradient_error<B>(f, {z, x}) < 1e-8);
  }
  running_mixtures<B> nothing_yet;
  CHECK_THROWS_WITH_AS(prefix_mixtures(constant<B>(z), constant<B>(x), 4, nothing_yet),
                       "prefix_mixtures: sequences of 4 rows among 6 of logits and 6", config_error);
}

TEST_CASE_TEMPLATE("ops/prefix_mixtures: piece by piece", B, GMOE_TEST_DOUBLE_BACKENDS) {
  // Two sequences of five rows, read as one, three and one; logits that no exponential could bear.
  table z = random_table(10, 2, 3);
  const table x = random_table(10, 3, 4), expected = mixtures_so_far(z, x, 5);
  for (index_t i = 0; i < 10; ++i)
    for (index_t j = 0; j < 2; ++j) z(i, j) += 2000;
  running_mixtures<B> before;
  for (const auto& [first, count] : {std::pair<index_t, index_t>{0, 1}, {1, 3}, {4, 1}}) {
    table logits(2 * count, 2), piece(2 * count, 3), wanted(4 * count, 3);
    for (index_t i = 0; i < 2 * count; ++i) {
      const index_t row = i / count * 5 + first + i % count;
      for (index_t j = 0; j < 2; ++j) logits(i, j) = z(row, j);
      for (index_t c = 0; c < 3; ++c) piece(i, c) = x(row, c);
    }
    for (index_t i = 0; i < 4 * count; ++i)
      for (index_t c = 0; c < 3; ++c) wanted(i, c) = expected(i / count * 5 + first + i % count, c);
    const operation<B> f = [&, count = count](const inputs<B>& in) {
      running_mixtures<B> so_far = before;
      return prefix_mixtures(in[0], in[1], count, so_far);
    };
    CHECK(difference(evaluate<B>(f, {logits, piece}), wanted) < 1e-11);
    CHECK(gradient_error<B>(f, {logits, piece}) < 1e-7);
    prefix_mixtures(constant<B>(logits), constant<B>(piece), count, before);
  }
  CHECK_THROWS_WITH_AS(prefix_mixtures(constant<B>(z), constant<B>(x), 10, before),
                       "prefix_mixtures: those before are 4 x 3, expected 2 x 3", config_error);
}
