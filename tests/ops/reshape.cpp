#include "gmoe/ops/reshape.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/reshape: the same numbers, in the same memory", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(4, 6, 1);
  const operation<B> f = [](const inputs<B>& in) { return reshape(in[0], 8, 3); };
  table expected(8, 3);
  expected.values = x.values;
  CHECK(difference(evaluate<B>(f, {x}), expected) == 0);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return add(reshape(in[0], 2, 12), reshape(in[0], 2, 12)); }, {x}) <
        1e-8);
  const variable<B> v = constant<B>(x);
  CHECK(reshape(v, 1, 24).value().data() == v.value().data());
  CHECK_THROWS_WITH_AS(reshape(v, 5, 5), "reshape: 4 x 6 cannot become 5 x 5", config_error);
  CHECK_THROWS_AS(reshape(v, -4, -6), config_error);
}

TEST_CASE_TEMPLATE("ops/reshape: ranges of rows and of columns", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 4, 1);
  for (const std::pair<index_t, index_t>& range : {std::pair<index_t, index_t>{0, 4}, {1, 2}, {3, 1}, {2, 0}}) {
    const index_t first = range.first, count = range.second;
    const operation<B> rows = [&](const inputs<B>& in) { return rows_of(in[0], first, count); };
    const operation<B> columns = [&](const inputs<B>& in) { return columns_of(in[0], first, count); };
    table some(count, 4), part(5, count);
    for (index_t k = 0; k < count; ++k) {
      for (index_t j = 0; j < 4; ++j) some(k, j) = x(first + k, j);
      for (index_t i = 0; i < 5; ++i) part(i, k) = x(i, first + k);
    }
    CHECK(difference(evaluate<B>(rows, {x}), some) == 0);
    CHECK(difference(evaluate<B>(columns, {x}), part) == 0);
    if (count == 0) continue;
    CHECK(gradient_error<B>(rows, {x}) < 1e-8);
    CHECK(gradient_error<B>(columns, {x}) < 1e-8);
  }
  const operation<B> overlapping = [](const inputs<B>& in) {
    return add(rows_of(in[0], 0, 3), rows_of(in[0], 2, 3), rows_of(in[0], 1, 3));
  };
  CHECK(gradient_error<B>(overlapping, {x}) < 1e-8);
  const variable<B> v = constant<B>(x);
  CHECK_THROWS_WITH_AS(rows_of(v, 3, 3), "rows_of: rows 3 to 5 of 5", config_error);
  CHECK_THROWS_WITH_AS(columns_of(v, -1, 3), "columns_of: columns -1 to 1 of 4", config_error);
  CHECK_THROWS_AS(columns_of(v, 1, -1), config_error);
}
