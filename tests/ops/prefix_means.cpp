#include "gmoe/ops/prefix_means.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/prefix_means: the mean of a sequence so far", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(6, 3, 1);
  for (index_t sequence : {1, 2, 3, 6}) {
    const operation<B> f = [&](const inputs<B>& in) { return prefix_means(in[0], sequence); };
    table expected(6, 3);
    for (index_t i = 0; i < 6; ++i)
      for (index_t j = 0; j < 3; ++j) {
        const index_t first = i / sequence * sequence;
        for (index_t k = first; k <= i; ++k) expected(i, j) += x(k, j) / static_cast<double>(i - first + 1);
      }
    CHECK(difference(evaluate<B>(f, {x}), expected) < 1e-13);
    CHECK(gradient_error<B>(f, {x}) < 1e-8);
  }
  CHECK_THROWS_WITH_AS(prefix_means(constant<B>(x), 4), "prefix_means: sequences of 4 rows among 6", config_error);
  CHECK_THROWS_AS(prefix_means(constant<B>(x), 0), config_error);
}

TEST_CASE_TEMPLATE("ops/prefix_means: piece by piece", B, GMOE_TEST_DOUBLE_BACKENDS) {
  // Two sequences of five rows, read as one, three and one.
  const table x = random_table(10, 3, 2);
  const operation<B> whole = [&](const inputs<B>& in) { return prefix_means(in[0], 5); };
  const table expected = evaluate<B>(whole, {x});
  running_means<B> before;
  for (const auto& [first, count] : {std::pair<index_t, index_t>{0, 1}, {1, 3}, {4, 1}}) {
    table piece(2 * count, 3), means(2 * count, 3);
    for (index_t i = 0; i < 2 * count; ++i)
      for (index_t j = 0; j < 3; ++j) {
        const index_t row = i / count * 5 + first + i % count;
        piece(i, j) = x(row, j);
        means(i, j) = expected(row, j);
      }
    const operation<B> f = [&, count = count](const inputs<B>& in) {
      running_means<B> so_far = before;
      return prefix_means(in[0], count, so_far);
    };
    CHECK(difference(evaluate<B>(f, {piece}), means) < 1e-13);
    CHECK(gradient_error<B>(f, {piece}) < 1e-8);
    prefix_means(constant<B>(piece), count, before);
  }
  CHECK(before.rows == 5);
  CHECK_THROWS_WITH_AS(prefix_means(constant<B>(x), 10, before),
                       "prefix_means: the means before are 2 x 3, expected 1 x 3", config_error);
}
