#include "gmoe/moe/router/trajectory_router.hpp"

#include <doctest/doctest.h>

#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/router/trajectory_router: what a token has visited is carried over depth", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape first = shape_of(pool_of({0, 1}, {2, 2})), second = shape_of(pool_of({1, 2}, {2, 2}));
  first.d_model = second.d_model = 2;
  first.moe_layers = second.moe_layers = 3;
  first.pool_size = second.pool_size = 3;
  policy_alone<B, trajectory_router> router({.state = 2, .decay = 0.5}, {first, second, second});
  CHECK(
      router.parameters() ==
      "own.0.gate 2x2, own.1.gate 2x2, own.1.trajectory 2x2, own.2.gate 2x2, own.2.trajectory 2x2, group.0.key 3x2, ");
  router.mine(0).shared.key.value() = put<B>(table(3, 2, {1, 0, 0, 1, 2, 2}));
  for (index_t l : {1, 2}) {
    router.mine(l).layer.gate.value() = put<B>(table(2, 2, 0.0));
    router.mine(l).layer.trajectory->value() = put<B>(table(2, 2, {1, 0, 0, 1}));  // logits are the trajectory
  }
  const variable<B> x(put<B>(table(1, 2, {1, 1})));
  const auto logits = [&](index_t l) { return get<B>(router.ask_in(hooks::logits{}, l, context<B>{}, x).value()); };
  logits(0);
  routing<B> r = routing_of<B>(table(1, 2, 0.5), {1, 0});
  r.kept = r.chosen;
  r.weights = variable<B>(put<B>(table(1, 2, {0.75, 0.25})));  // of experts 1 and 0 of the pool
  router.ask_in(hooks::remember{}, 0, context<B>{}, r);
  CHECK(difference(logits(1), table(1, 2, {0.25, 0.75})) < 1e-6);
  r.kept = put_ids<B>({1, no_choice}, 1, 2);  // 2, the other one was dropped
  router.ask_in(hooks::remember{}, 1, context<B>{}, r);
  CHECK(difference(logits(2), table(1, 2, {0.125 + 1.5, 0.375 + 1.5})) < 1e-6);
}

TEST_CASE("moe/router/trajectory_router: what it multiplies") {
  layer_shape l = shape_of(pool_of({0, 1, 2}, {2, 2, 2}));
  l.d_model = 10;
  l.moe_layers = 3;
  const trajectory_router router{.state = 4};
  CHECK(router.products(l) == 3 * (10 + 4));
  l.moe_layer = 1;
  CHECK(router.products(l) == 3 * (10 + 8));
  l.moe_layer = 2;
  CHECK(router.products(l) == 3 * (10 + 4));
}
