#include "gmoe/ops/dropout.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/dropout: the backward pass draws the same mask again", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const random_stream random = random_stream(4).fork("mask");
  const operation<B> f = [&](const inputs<B>& in) { return dropout(in[0], 0.4, random); };
  const table x = random_table(6, 7, 1, 1, 2);
  const table y = evaluate<B>(f, {x});
  index_t dropped = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    CHECK((y.values[i] == 0 || y.values[i] == doctest::Approx(x.values[i] / 0.6)));
    dropped += y.values[i] == 0;
  }
  CHECK(dropped > 5);
  CHECK(dropped < 30);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/dropout: probability 0 is the same variable, 1 drops everything", B, GMOE_TEST_BACKENDS) {
  const variable<B> x = constant<B>(random_table(2, 3, 1));
  CHECK(dropout(x, 0, random_stream(1)).value().data() == x.value().data());
  CHECK(get(dropout(x, 1, random_stream(1)).value()).values == std::vector<double>(6, 0.0));
}
