#include "gmoe/moe/router/linear_router.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/router/linear_router: z = W x", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.d_model = 6;
  l.experts = 4;
  policy_alone<B, linear_router> router({}, {l});
  const table x = random_table(5, 6, 2);
  CHECK(difference(get(router.ask(hooks::logits{}, context<B>{}, variable<B>(put<B>(x))).value()),
                   product_transposed(x, get(router.mine().layer.gate.value()))) < 1e-6);
  CHECK(router.parameters() == "own.0.gate 4x6, ");
}
