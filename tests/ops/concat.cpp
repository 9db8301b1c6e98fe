#include "gmoe/ops/concat.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/concat: columns side by side", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return concat_cols(in[0], in[1]); };
  for (index_t n : {1, 4, 9}) {
    const table a = random_table(3, n, 1), b = random_table(3, 5, 2);
    table expected(3, n + 5);
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < n + 5; ++j) expected(i, j) = j < n ? a(i, j) : b(i, j - n);
    CHECK(difference(evaluate<B>(f, {a, b}), expected) == 0);
    CHECK(gradient_error<B>(f, {a, b}) < 1e-8);
  }
  CHECK(gradient_error<B>([](const inputs<B>& in) { return concat_cols(in[0], in[0]); }, {random_table(2, 3, 3)}) <
        1e-8);
  CHECK_THROWS_WITH_AS(concat_cols(constant<B>(table(2, 1)), constant<B>(table(3, 1))), "concat_cols: 2 and 3 rows",
                       config_error);
}
