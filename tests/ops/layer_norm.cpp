#include "gmoe/ops/layer_norm.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/layer_norm: normalised rows and the gradients of input, gain and bias", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return layer_norm(in[0], in[1], in[2], 1e-3); };
  for (index_t cols : {3, 8, 11}) {
    const table x = random_table(4, cols, 1, -1, 2), gain = random_table(1, cols, 2, 0.5, 1.5),
                bias = random_table(1, cols, 3);
    CHECK(difference(evaluate<B>(f, {x, gain, bias}), gmoe_test::layer_norm(x, gain, bias, 1e-3)) < 1e-12);
    CHECK(gradient_error<B>(f, {x, gain, bias}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/layer_norm: one row as input, gain and bias", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return layer_norm(in[0], in[0], in[0], 1e-3); };
  CHECK(gradient_error<B>(f, {random_table(1, 6, 4, -1, 2)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/layer_norm: gain and bias must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const variable<B> x = constant<B>(table(2, 3)), row = constant<B>(table(1, 3)), wrong = constant<B>(table(1, 2));
  CHECK_THROWS_WITH_AS(layer_norm(x, wrong, row, 1e-5),
                       "layer_norm: expected gain and bias of 1 x 3, got 1 x 2 and 1 x 3", config_error);
  CHECK_THROWS_AS(layer_norm(x, row, x, 1e-5), config_error);
}
