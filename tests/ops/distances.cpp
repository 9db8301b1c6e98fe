#include "gmoe/ops/distances.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/distances: of rows from points", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 3, 1), c = random_table(4, 3, 2);
  const operation<B> f = [](const inputs<B>& in) { return row_distances(in[0], in[1]); };
  table expected(5, 4);
  for (index_t t = 0; t < 5; ++t)
    for (index_t i = 0; i < 4; ++i) {
      double square = 0;
      for (index_t j = 0; j < 3; ++j) square += (x(t, j) - c(i, j)) * (x(t, j) - c(i, j));
      expected(t, i) = std::sqrt(square);
    }
  CHECK(difference(evaluate<B>(f, {x, c}), expected) < 1e-13);
  CHECK(gradient_error<B>(f, {x, c}) < 1e-7);
  CHECK(evaluate<B>(f, {c, c})(2, 2) < 1e-5);
  CHECK_THROWS_WITH_AS(row_distances(constant<B>(x), constant<B>(table(2, 4))),
                       "row_distances: rows of 3 numbers and points of 4", config_error);
}
