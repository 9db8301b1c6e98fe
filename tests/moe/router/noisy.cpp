#include "gmoe/moe/router/noisy.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
layer_shape noisy_shape() {
  layer_shape l;
  l.d_model = 6;
  l.experts = 4;
  return l;
}
}  // namespace

TEST_CASE_TEMPLATE("moe/router/noisy: the noise that the router says, in training only", B, GMOE_TEST_BACKENDS) {
  policy_alone<B, linear_router> plain({}, {noisy_shape()});
  policy_alone<B, noisy<linear_router>> router({}, {noisy_shape()});
  CHECK(router.parameters() == "own.0.gate 4x6, own.0.noise 4x6, ");
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const table calm = get(plain.ask(hooks::logits{}, context<B>{}, x).value());
  CHECK(difference(get(router.ask(hooks::logits{}, context<B>{}, x).value()), calm) == 0);
  const auto ctx = training_context<B>(3);
  router.found.routings.emplace_back();  // the one that is being made
  const table noise = get(router.ask(hooks::logits{}, ctx, x).value());
  const table drawn = get(normal_noise<B>(5, 4, ctx.stream(random_site::router, 20)));
  for (std::size_t i = 0; i < 20; ++i)  // a new router: softplus(0) + 0.01 for everybody
    CHECK(noise.values[i] - calm.values[i] == doctest::Approx((std::log(2.0) + 0.01) * drawn.values[i]).epsilon(1e-4));
  CHECK(difference(get(router.found.routings[0].noted("clean_logits").value()), calm) == 0);
  CHECK(get(router.found.routings[0].noted("noise_deviation").value())(2, 1) == doctest::Approx(std::log(2.0) + 0.01));
}

TEST_CASE_TEMPLATE("moe/router/noisy: what the inner router keeps and carries is handed through, without noise", B,
                   GMOE_TEST_BACKENDS) {
  using inner = global_router<hidden_state, propagated_logits>;
  policy_alone<B, inner> plain({}, {noisy_shape()});
  policy_alone<B, noisy<inner>> router({}, {noisy_shape()});
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const variable<B> calm = plain.ask(hooks::logits{}, context<B>{}, x);
  const variable<B> z = router.ask(hooks::logits{}, training_context<B>(1), x);
  CHECK(difference(get(router.carried.z.value()), get(calm.value())) == 0);
  CHECK(difference(get(z.value()), get(calm.value())) > 1e-2);
}
