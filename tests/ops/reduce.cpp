#include "gmoe/ops/reduce.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/reduce: sum, column means and dot, and their gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t rows : {1, 4}) {
    const table a = random_table(rows, 5, 1), b = random_table(rows, 5, 2);
    double total = 0, inner = 0;
    table means(1, 5);
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < 5; ++j) {
        total += a(i, j);
        inner += a(i, j) * b(i, j);
        means(0, j) += a(i, j) / static_cast<double>(rows);
      }
    const operation<B> whole = [](const inputs<B>& in) { return sum(in[0]); };
    const operation<B> columns = [](const inputs<B>& in) { return col_means(in[0]); };
    const operation<B> both = [](const inputs<B>& in) { return dot(in[0], in[1]); };
    CHECK(difference(evaluate<B>(whole, {a}), table(1, 1, total)) < 1e-13);
    CHECK(difference(evaluate<B>(columns, {a}), means) < 1e-13);
    CHECK(difference(evaluate<B>(both, {a, b}), table(1, 1, inner)) < 1e-13);
    CHECK(gradient_error<B>(whole, {a}) < 1e-8);
    CHECK(gradient_error<B>(columns, {a}) < 1e-8);
    CHECK(gradient_error<B>(both, {a, b}) < 1e-8);
  }
  CHECK_THROWS_AS(dot(constant<B>(table(2, 3)), constant<B>(table(3, 2))), config_error);
}
