#include "gmoe/moe/router/jittered.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
layer_shape four_experts() {
  layer_shape l;
  l.d_model = 6;
  l.experts = 4;
  return l;
}
}  // namespace

TEST_CASE_TEMPLATE("moe/router/jittered: noise in training only, anew for every block and step", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, linear_router> plain({}, {four_experts()});
  policy_alone<B, jittered<linear_router>> noisy({}, {four_experts()});
  CHECK(noisy.parameters() == plain.parameters());
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const auto logits = [&](const context<B>& ctx) { return get(noisy.ask(hooks::logits{}, ctx, x).value()); };
  const table calm = get(plain.ask(hooks::logits{}, context<B>{}, x).value());
  CHECK(difference(logits(context<B>{}), calm) == 0);
  const auto ctx = training_context<B>(1);
  const table first = logits(ctx);
  CHECK(difference(logits(ctx), first) == 0);
  CHECK(difference(first, calm) > 1e-4);
  CHECK(difference(first, calm) < 0.05);  // 1 % of the inputs
  CHECK(difference(logits(training_context<B>(2)), first) > 1e-4);
  noisy.shapes[0].block = 1;
  CHECK(difference(logits(ctx), first) > 1e-4);
  noisy.shapes[0].block = 0;
  noisy.policy.epsilon = 0;
  CHECK(difference(logits(ctx), calm) < 1e-6);
}

TEST_CASE_TEMPLATE("moe/router/jittered: what the inner router keeps and carries is handed through", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  using inner = global_router<hidden_state, propagated_logits>;
  policy_alone<B, inner> plain({}, {four_experts()});
  policy_alone<B, jittered<inner>> router({}, {four_experts()});
  CHECK(router.parameters() == plain.parameters());
  const variable<B> z = router.ask(hooks::logits{}, training_context<B>(1), variable<B>(put<B>(random_table(5, 6, 2))));
  CHECK(router.carried.h.rows() == 5);
  CHECK(router.carried.z.value().data() == z.value().data());
}
