#include "gmoe/moe/balance/importance_and_load.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/importance_and_load: how much weights vary, and chances", B, GMOE_TEST_BACKENDS) {
  auto r = routing_of<B>(table(2, 2, {0.75, 0.25, 0.5, 0.5}), {0, 0});
  r.weights = variable<B>(put<B>(table(2, 1, {1, 1})));
  policy_alone<B, importance_and_load> losses({.importance = 0.5, .load = 2});
  const auto loss = [&](const context<B>& ctx) {
    return double(losses.ask(hooks::layer_loss{}, ctx, r).value().item());
  };
  // Importance 1 and 0: mean 1/2, variance 1/4.
  CHECK(loss(context<B>{}) == doctest::Approx(0.5 * 1).epsilon(1e-6));
  // Noisy logits are the scores. Clean ones at their thresholds: everybody's chance is 1/2, nothing varies.
  r.note("clean_logits", variable<B>(put<B>(table(2, 2, {0.25, 0.75, 0.5, 0.5}))));
  r.note("noise_deviation", variable<B>(put<B>(table(2, 2, 1))));
  CHECK(loss(training_context<B>()) == doctest::Approx(0.5).epsilon(1e-6));
  // Far beyond: expert 0 is always chosen, and expert 1 never.
  auto sure = routing_of<B>(table(2, 2, {0.75, 0.25, 0.5, 0.5}), {0, 0});
  sure.weights = r.weights;
  sure.note("clean_logits", variable<B>(put<B>(table(2, 2, {90, -90, 90, -90}))));
  sure.note("noise_deviation", variable<B>(put<B>(table(2, 2, 1))));
  r = sure;
  CHECK(loss(training_context<B>()) == doctest::Approx(0.5 + 2).epsilon(1e-6));
  // Where all are chosen there is no chance about it.
  r = routing_of<B>(table(2, 2, {0.75, 0.25, 0.5, 0.5}), {0, 1, 0, 1});
  r.weights = variable<B>(put<B>(table(2, 2, {0.75, 0.25, 0.25, 0.75})));
  CHECK(loss(training_context<B>()) == doctest::Approx(0).scale(1).epsilon(1e-6));
}

TEST_CASE("moe/balance/importance_and_load: a router without noise has nothing to say") {
  using B = GMOE_TEST_BACKEND<double>;
  auto r = routing_of<B>(table(2, 2, 0.5), {0, 0});
  r.weights = variable<B>(put<B>(table(2, 1, {1, 1})));
  CHECK(refusal([&] {
          policy_alone<B, importance_and_load>{}.ask(hooks::layer_loss{}, training_context<B>(), r);
        }).find("no policy has noted 'clean_logits' in the routing") != std::string::npos);
}
