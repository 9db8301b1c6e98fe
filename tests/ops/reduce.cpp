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

TEST_CASE_TEMPLATE("ops/reduce: sums and lengths of rows, sums of columns, and their gradients", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> across = [](const inputs<B>& in) { return row_sums(in[0]); };
  const operation<B> down = [](const inputs<B>& in) { return col_sums(in[0]); };
  const operation<B> lengths = [](const inputs<B>& in) { return row_norms(in[0], 0.01); };
  for (index_t rows : {1, 4})
    for (index_t cols : {1, 5}) {
      const table x = random_table(rows, cols, 1);
      table sums(rows, 1), columns(1, cols), norms(rows, 1, 0.01);
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < cols; ++j) {
          sums(i, 0) += x(i, j);
          columns(0, j) += x(i, j);
          norms(i, 0) += x(i, j) * x(i, j);
        }
      for (double& v : norms.values) v = std::sqrt(v);
      CHECK(difference(evaluate<B>(across, {x}), sums) < 1e-13);
      CHECK(difference(evaluate<B>(down, {x}), columns) < 1e-13);
      CHECK(difference(evaluate<B>(lengths, {x}), norms) < 1e-13);
      CHECK(gradient_error<B>(across, {x}) < 1e-8);
      CHECK(gradient_error<B>(down, {x}) < 1e-8);
      CHECK(gradient_error<B>(lengths, {x}) < 1e-8);
    }
}

TEST_CASE_TEMPLATE("ops/reduce: a row of zeros has a length and a gradient", B, GMOE_TEST_BACKENDS) {
  parameter<B> p("x", put<B>(table(2, 3)));
  tape<B> t;
  const variable<B> y = row_norms(variable<B>(p, &t));
  t.backward(sum(y));
  CHECK(get(y.value())(0, 0) == doctest::Approx(1e-6));
  CHECK(get(p.gradient()).values == std::vector<double>(6, 0.0));
}

TEST_CASE_TEMPLATE("ops/reduce: mean squared error", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table a = random_table(3, 4, 1), b = random_table(3, 4, 2);
  double mean = 0;
  for (std::size_t i = 0; i < 12; ++i) mean += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]) / 12;
  const operation<B> f = [](const inputs<B>& in) { return mean_squared_error(in[0], in[1]); };
  CHECK(difference(evaluate<B>(f, {a, b}), table(1, 1, mean)) < 1e-13);
  CHECK(gradient_error<B>(f, {a, b}) < 1e-8);
  CHECK_THROWS_WITH_AS(mean_squared_error(constant<B>(table(2, 3)), constant<B>(table(3, 2))),
                       "mean_squared_error: shapes differ, 2 x 3 and 3 x 2", config_error);
  CHECK_THROWS_AS(mean_squared_error(constant<B>(table(0, 3)), constant<B>(table(0, 3))), config_error);
}
