#include "gmoe/ops/repeat.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/repeat: a row below itself, a column beside itself", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t count : {1, 4}) {
    const table v = random_table(1, 3, 1), c = random_table(5, 1, 2);
    const operation<B> down = [&](const inputs<B>& in) { return repeat_rows(in[0], count); };
    const operation<B> across = [&](const inputs<B>& in) { return repeat_cols(in[0], count); };
    table below(count, 3), beside(5, count);
    for (index_t k = 0; k < count; ++k) {
      for (index_t j = 0; j < 3; ++j) below(k, j) = v(0, j);
      for (index_t i = 0; i < 5; ++i) beside(i, k) = c(i, 0);
    }
    CHECK(difference(evaluate<B>(down, {v}), below) == 0);
    CHECK(difference(evaluate<B>(across, {c}), beside) == 0);
    CHECK(gradient_error<B>(down, {v}) < 1e-8);
    CHECK(gradient_error<B>(across, {c}) < 1e-8);
  }
  const variable<B> x = constant<B>(table(2, 3));
  CHECK_THROWS_WITH_AS(repeat_rows(x, 2), "repeat_rows: expected one row, got 2 x 3", config_error);
  CHECK_THROWS_WITH_AS(repeat_cols(x, 2), "repeat_cols: expected one column, got 2 x 3", config_error);
}
