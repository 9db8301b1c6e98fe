#include "gmoe/moe/router/jittered.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/router/jittered: noise in training only, anew for every block and step", B,
                   GMOE_TEST_BACKENDS) {
  sizes s;
  s.d_model = 6;
  const builder<B> make(1);
  linear_router::layer<B> plain(make, s, layer_shape{0, 0, 1, 4});
  typename jittered<linear_router>::template layer<B> noisy(make, s, layer_shape{0, 0, 1, 4});
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const auto logits = [&](const context<B>& ctx) { return get(noisy.logits(ctx, x).value()); };
  const table calm = get(plain.logits(context<B>{}, x).value());
  CHECK(difference(logits(context<B>{}), calm) == 0);
  auto ctx = training_context<B>(1);
  const table first = logits(ctx);
  CHECK(difference(logits(ctx), first) == 0);
  CHECK(difference(first, calm) > 1e-4);
  CHECK(difference(first, calm) < 0.05);  // 1 % of the inputs
  ctx.block = 1;
  CHECK(difference(logits(ctx), first) > 1e-4);
  CHECK(difference(logits(training_context<B>(2)), first) > 1e-4);
}

TEST_CASE_TEMPLATE("moe/router/jittered: hands the state through", B, GMOE_TEST_BACKENDS) {
  using router = jittered<global_router<hidden_state, propagated_logits>>;
  sizes s;
  s.d_model = 6;
  const builder<B> make(1);
  router::shared<B> shared(make, s);
  router::state<B> state;
  typename router::template layer<B> layer(make, s, layer_shape{0, 0, 1, 4});
  const variable<B> z = layer.logits(training_context<B>(1), variable<B>(put<B>(random_table(5, 6, 2))), shared, state);
  CHECK(state.h.rows() == 5);
  CHECK(state.z.value().data() == z.value().data());
}
