#include "gmoe/ops/matmul.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/matmul: products and their gradients, with the second factor as it lies or transposed", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> plain = [](const inputs<B>& in) { return matmul(in[0], in[1]); };
  const operation<B> transposed_b = [](const inputs<B>& in) { return matmul(in[0], in[1], op::transpose); };
  for (index_t rows : {1, 4}) {
    const table a = random_table(rows, 3, 1), b = random_table(3, 5, 2);
    CHECK(difference(evaluate<B>(plain, {a, b}), product(a, b)) < 1e-13);
    CHECK(difference(evaluate<B>(transposed_b, {a, transposed(b)}), product(a, b)) < 1e-13);
    CHECK(gradient_error<B>(plain, {a, b}) < 1e-8);
    CHECK(gradient_error<B>(transposed_b, {a, transposed(b)}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/matmul: a matrix times itself", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table a = random_table(3, 3, 1);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return matmul(in[0], in[0]); }, {a}) < 1e-8);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return matmul(in[0], in[0], op::transpose); }, {a}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/matmul: inner sizes must agree", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const variable<B> a = constant<B>(table(2, 3)), b = constant<B>(table(4, 5));
  CHECK_THROWS_WITH_AS(matmul(a, b), "matmul: inner sizes differ, 2 x 3 times 4 x 5", config_error);
  CHECK_THROWS_WITH_AS(matmul(a, b, op::transpose), "matmul: inner sizes differ, 2 x 3 times 5 x 4", config_error);
}
