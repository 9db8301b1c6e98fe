#include "gmoe/moe/balance/gshard_loss.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/gshard_loss: first choices only", B, GMOE_TEST_MODULE_BACKENDS) {
  const table p(4, 2, {0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2});
  routing<B> r = routing_of<B>(p, {0, 1, 0, 1, 1, 0, 0, 1});
  policy_alone<B, gshard_loss> loss({.alpha = 0.5});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() ==
        doctest::Approx(0.5 * 2 * (0.75 * 0.65 + 0.25 * 0.35)).epsilon(1e-6));
  // Who chose nobody is not counted.
  r = routing_of<B>(p, {0, 1, no_choice, no_choice, 1, 0, no_choice, no_choice});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == doctest::Approx(0.5).epsilon(1e-6));
}
