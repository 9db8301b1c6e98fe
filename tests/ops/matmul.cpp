#include "gmoe/ops/matmul.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/concat.hpp"
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

TEST_CASE_TEMPLATE("ops/matmul: two inputs side by side, and a bias", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> both = [](const inputs<B>& in) { return matmul_side_by_side(in[0], in[1], in[2]); };
  const operation<B> biased = [](const inputs<B>& in) { return affine(in[0], in[1], in[2]); };
  for (index_t rows : {1, 4}) {
    const table a = random_table(rows, 3, 1), b = random_table(rows, 2, 2), w = random_table(6, 5, 3);
    const table joined = evaluate<B>([](const inputs<B>& in) { return concat_cols(in[0], in[1]); }, {a, b});
    CHECK(difference(evaluate<B>(both, {a, b, w}), product(joined, transposed(w))) < 1e-13);
    CHECK(gradient_error<B>(both, {a, b, w}) < 1e-8);

    const table v = random_table(3, 4, 4), bias = random_table(1, 4, 5);
    table expected = product(a, v);
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < 4; ++j) expected(i, j) += bias(0, j);
    CHECK(difference(evaluate<B>(biased, {a, v, bias}), expected) < 1e-13);
    CHECK(gradient_error<B>(biased, {a, v, bias}) < 1e-8);
  }
  const variable<B> x = constant<B>(table(2, 3)), y = constant<B>(table(2, 2)), w = constant<B>(table(4, 6));
  CHECK_THROWS_WITH_AS(matmul_side_by_side(x, y, w),
                       "matmul_side_by_side: inputs of 2 x 3 and 2 x 2 for weights of 6 columns", config_error);
  CHECK_THROWS_WITH_AS(affine(x, w, y), "affine: inner sizes differ, 2 x 3 times 4 x 6", config_error);
  CHECK_THROWS_WITH_AS(affine(x, constant<B>(table(3, 6)), y), "affine: expected a bias of 1 x 6, got 2 x 2",
                       config_error);
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
