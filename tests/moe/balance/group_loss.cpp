#include "gmoe/moe/balance/group_loss.hpp"

#include <doctest/doctest.h>

#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/group_loss: between groups and within them", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l = shape_of(pool_of({0, 1, 2, 3}, {2, 2, 6, 6}));
  l.groups = 2;
  const routing<B> r = routing_of<B>(table(2, 4, {0.1, 0.3, 0.4, 0.2, 0.2, 0.2, 0.1, 0.5}), {1, 2, 1, 3});
  r.note("group_scores", variable<B>(put<B>(table(2, 2, {0.3, 0.7, 0.6, 0.4}))));  // mean 0.45, 0.55
  const auto loss_of = [&](const group_loss& policy) {
    policy_alone<B, group_loss> loss(policy, {l});
    return static_cast<double>(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item());
  };
  const double between = 2 * (0.5 * 0.5 * 0.45 + 1.5 * 0.5 * 0.55);
  // f within: 0, 1; 1/2, 1/2. P: 0.15, 0.25, 0.25, 0.35
  const double within = 2.0 / 2 * (0.25 / 0.4 + 0.5);
  CHECK(loss_of({.between = 0.3, .within = 0}) == doctest::Approx(0.3 * between).epsilon(1e-6));
  CHECK(loss_of({.between = 0, .within = 0.7}) == doctest::Approx(0.7 * within).epsilon(1e-6));
  CHECK(loss_of({.between = 0.3, .within = 0.7}) == doctest::Approx(0.3 * between + 0.7 * within).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/group_loss: needs the scores of groups", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, group_loss> loss({}, {shape_of(pool_of({0, 1}, {2, 2}))});
  const routing<B> r = routing_of<B>(table(1, 2, 0.5), {0});
  CHECK(refusal([&] { loss.ask(hooks::layer_loss{}, context<B>{}, r); }) ==
        "block 0: no policy has noted 'group_scores' in the routing; there are no notes");
}
