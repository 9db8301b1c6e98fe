#include "gmoe/ops/softmax.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/softmax: probabilities and their gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return softmax_rows(in[0]); };
  for (index_t cols : {1, 3, 8, 11}) {
    const table z = random_table(4, cols, 1, -3, 3);
    CHECK(difference(evaluate<B>(f, {z}), softmax(z)) < 1e-13);
    CHECK(gradient_error<B>(f, {z}) < 1e-8);
  }
}
