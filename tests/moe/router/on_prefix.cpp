#include "gmoe/moe/router/on_prefix.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/router/linear_router.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/router/on_prefix: the router sees the mean of the text so far", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.experts = 2;
  l.d_model = 3;
  policy_alone<B, on_prefix<linear_router>> router({}, {l});
  policy_alone<B, linear_router> plain({}, {l});
  const table x(4, 3, {1, 2, 3, 3, 0, 1, 5, 5, 5, 1, 1, 3});
  const table means(4, 3, {1, 2, 3, 2, 1, 2, 5, 5, 5, 3, 3, 4});
  context<B> ctx;
  ctx.batch = 2;
  ctx.sequence = 2;
  const auto logits = [&](auto& policy, const table& rows) {
    return get<B>(policy.ask(hooks::logits{}, ctx, variable<B>(put<B>(rows))).value());
  };
  CHECK(difference(logits(router, x), logits(plain, means)) < 1e-6);
  CHECK(router.parameters() == "own.0.gate 2x3, ");
}
