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
