#include "gmoe/ops/masked.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/masked: softmax over the visible columns", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(4, 5, 1, -3, 3);
  const table same(1, 5, {1, 0, 1, 1, 0});
  const table own(4, 5, {1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1});
  for (const table& mask : {same, own}) {
    const auto m = put<B>(mask);
    const operation<B> f = [&](const inputs<B>& in) { return masked_softmax_rows(in[0], m); };
    table expected(4, 5);
    for (index_t i = 0; i < 4; ++i) {
      double sum = 0;
      for (index_t j = 0; j < 5; ++j) sum += expected(i, j) = mask(mask.rows == 1 ? 0 : i, j) * std::exp(z(i, j));
      for (index_t j = 0; j < 5 && sum > 0; ++j) expected(i, j) /= sum;
    }
    CHECK(difference(evaluate<B>(f, {z}), expected) < 1e-13);
    CHECK(gradient_error<B>(f, {z}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/masked: a masked logit may be anything, and gets no gradient", B, GMOE_TEST_BACKENDS) {
  parameter<B> z("z", put<B>(table(2, 3, {1, not_a_number, 2, not_a_number, 1, not_a_number})));
  const auto mask = put<B>(table(2, 3, {1, 0, 1, 0, 0, 0}));
  tape<B> t;
  const variable<B> p = masked_softmax_rows(variable<B>(z, &t), mask);
  t.backward(dot(p, constant<B>(table(2, 3, {1, 2, 3, 4, 5, 6}))));
  const table value = get(p.value()), gradient = get(z.gradient());
  const double q = 1 / (1 + std::exp(-1.0));
  CHECK(value(0, 2) == doctest::Approx(q));
  CHECK(gradient(0, 2) == doctest::Approx(2 * q * (1 - q)));
  for (index_t j : {0, 1, 2}) CHECK(value(1, j) == 0);
  for (index_t j : {0, 1, 2}) CHECK(gradient(1, j) == 0);
  CHECK(gradient(0, 1) == 0);
}

TEST_CASE_TEMPLATE("ops/masked: columns set to zero", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t rows : {1, 4}) {
    const table x = random_table(rows, 5, 1);
    table own = random_table(rows, 5, 2);
    for (double& v : own.values) v = v > 0;
    for (const table& mask : {table(1, 5, {1, 0, 1, 1, 0}), own}) {
      const auto m = put<B>(mask);
      const operation<B> f = [&](const inputs<B>& in) { return mask_cols(in[0], m); };
      table expected(rows, 5);
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < 5; ++j) expected(i, j) = x(i, j) * mask(mask.rows == 1 ? 0 : i, j);
      CHECK(difference(evaluate<B>(f, {x}), expected) == 0);
      CHECK(gradient_error<B>(f, {x}) < 1e-8);
    }
  }
  const variable<B> x = constant<B>(table(3, 2));
  CHECK_THROWS_WITH_AS(mask_cols(x, put<B>(table(2, 2))), "mask_cols: a mask of 2 x 2 for 3 x 2", config_error);
  CHECK_THROWS_WITH_AS(masked_softmax_rows(x, put<B>(table(1, 3))), "masked_softmax_rows: a mask of 1 x 3 for 3 x 2",
                       config_error);
}
