#include "gmoe/ops/broadcast.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/broadcast: a row added to every row, a factor for every row", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 3, 1), v = random_table(1, 3, 2), c = random_table(5, 1, 3);
  const operation<B> plus = [](const inputs<B>& in) { return add_row(in[0], in[1]); };
  const operation<B> times = [](const inputs<B>& in) { return multiply_col(in[0], in[1]); };
  table sum(5, 3), product(5, 3);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 3; ++j) {
      sum(i, j) = x(i, j) + v(0, j);
      product(i, j) = x(i, j) * c(i, 0);
    }
  CHECK(difference(evaluate<B>(plus, {x, v}), sum) < 1e-14);
  CHECK(difference(evaluate<B>(times, {x, c}), product) < 1e-14);
  CHECK(gradient_error<B>(plus, {x, v}) < 1e-8);
  CHECK(gradient_error<B>(times, {x, c}) < 1e-8);
  CHECK(gradient_error<B>(plus, {v, v}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/broadcast: a factor for every column, a column added to every column", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 3, 1), v = random_table(1, 3, 2), c = random_table(5, 1, 3);
  const operation<B> times = [](const inputs<B>& in) { return multiply_row(in[0], in[1]); };
  const operation<B> plus = [](const inputs<B>& in) { return add_col(in[0], in[1]); };
  table product(5, 3), sum(5, 3);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 3; ++j) {
      product(i, j) = x(i, j) * v(0, j);
      sum(i, j) = x(i, j) + c(i, 0);
    }
  CHECK(difference(evaluate<B>(times, {x, v}), product) < 1e-14);
  CHECK(difference(evaluate<B>(plus, {x, c}), sum) < 1e-14);
  CHECK(gradient_error<B>(times, {x, v}) < 1e-8);
  CHECK(gradient_error<B>(plus, {x, c}) < 1e-8);
  CHECK(gradient_error<B>(times, {v, v}) < 1e-8);
  CHECK(gradient_error<B>(plus, {c, c}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/broadcast: shapes must agree", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const variable<B> x = constant<B>(table(2, 3));
  CHECK_THROWS_WITH_AS(add_row(x, constant<B>(table(1, 2))), "add_row: expected 1 x 3, got 1 x 2", config_error);
  CHECK_THROWS_AS(add_row(x, x), config_error);
  CHECK_THROWS_WITH_AS(multiply_col(x, constant<B>(table(3, 1))), "multiply_col: expected 2 x 1, got 3 x 1",
                       config_error);
  CHECK_THROWS_AS(multiply_col(x, x), config_error);
  CHECK_THROWS_WITH_AS(multiply_row(x, constant<B>(table(1, 2))), "multiply_row: expected 1 x 3, got 1 x 2",
                       config_error);
  CHECK_THROWS_AS(multiply_row(x, x), config_error);
  CHECK_THROWS_WITH_AS(add_col(x, constant<B>(table(3, 1))), "add_col: expected 2 x 1, got 3 x 1", config_error);
  CHECK_THROWS_AS(add_col(x, x), config_error);
}
