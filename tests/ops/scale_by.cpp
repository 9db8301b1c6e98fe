#include "gmoe/ops/scale_by.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/scale_by: a learned number times a matrix", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table s(1, 1, -1.75);
  const operation<B> f = [](const inputs<B>& in) { return scale_by(in[0], in[1]); };
  for (index_t rows : {1, 5}) {
    const table x = random_table(rows, 3, 1);
    CHECK(difference(evaluate<B>(f, {s, x}), each([](double v) { return -1.75 * v; }, x)) < 1e-14);
    CHECK(gradient_error<B>(f, {s, x}) < 1e-8);
  }
  CHECK(gradient_error<B>([](const inputs<B>& in) { return scale_by(in[0], in[0]); }, {s}) < 1e-8);
  CHECK_THROWS_WITH_AS(scale_by(constant<B>(table(1, 2)), constant<B>(s)),
                       "scale_by: expected a 1 x 1 factor, got 1 x 2", config_error);
}
