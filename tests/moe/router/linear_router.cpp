#include "gmoe/moe/router/linear_router.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/router/linear_router: z = W x", B, GMOE_TEST_BACKENDS) {
  sizes s;
  s.d_model = 6;
  linear_router::layer<B> router(builder<B>(1), s, layer_shape{0, 0, 1, 4});
  const table x = random_table(5, 6, 2);
  CHECK(difference(get(router.logits(context<B>{}, variable<B>(put<B>(x))).value()),
                   product_transposed(x, get(router.gate.value()))) < 1e-6);
  int parameters = 0;
  router.each([&](parameter<B>& p) {
    ++parameters;
    CHECK((p.rows() == 4 && p.cols() == 6));
  });
  CHECK(parameters == 1);
}
