#include "gmoe/ops/outer_rows.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/outer_rows: products of two vectors per token, and a matrix per token", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> outer = [](const inputs<B>& in) { return outer_rows(in[0], in[1]); };
  const operation<B> contract = [](const inputs<B>& in) { return contract_rows(in[0], in[1]); };
  for (index_t m : {1, 3})
    for (index_t n : {1, 4}) {
      const table a = random_table(5, m, 1), b = random_table(5, n, 2), x = random_table(5, m * n, 3);
      table products(5, m * n), applied(5, m);
      for (index_t t = 0; t < 5; ++t)
        for (index_t i = 0; i < m; ++i)
          for (index_t j = 0; j < n; ++j) {
            products(t, i * n + j) = a(t, i) * b(t, j);
            applied(t, i) += x(t, i * n + j) * b(t, j);
          }
      CHECK(difference(evaluate<B>(outer, {a, b}), products) < 1e-14);
      CHECK(difference(evaluate<B>(contract, {x, b}), applied) < 1e-14);
      CHECK(gradient_error<B>(outer, {a, b}) < 1e-8);
      CHECK(gradient_error<B>(contract, {x, b}) < 1e-8);
    }
  CHECK(gradient_error<B>([](const inputs<B>& in) { return outer_rows(in[0], in[0]); }, {random_table(3, 2, 1)}) <
        1e-8);
  CHECK_THROWS_WITH_AS(outer_rows(constant<B>(table(2, 3)), constant<B>(table(3, 3))), "outer_rows: 2 and 3 rows",
                       config_error);
  CHECK_THROWS_WITH_AS(contract_rows(constant<B>(table(2, 7)), constant<B>(table(2, 3))),
                       "contract_rows: 2 x 7 is not 2 matrices of 3 columns", config_error);
  CHECK_THROWS_AS(contract_rows(constant<B>(table(3, 6)), constant<B>(table(2, 3))), config_error);
}
