#include "gmoe/moe/balance/home_loss.hpp"

#include <doctest/doctest.h>

#include "moe/balance/loss_gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

layer_shape with_homes(std::vector<index_t> homes) {
  layer_shape l;
  l.experts = static_cast<index_t>(homes.size());
  auto pool = std::make_shared<seen_experts>();
  pool->homes = std::move(homes);
  l.pool = pool;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/home_loss: load and scores of homes", B, GMOE_TEST_MODULE_BACKENDS) {
  const table p(2, 3, {0.5, 0.2, 0.3, 0.1, 0.7, 0.2});          // P = 0.3, 0.45, 0.25
  const routing<B> r = routing_of<B>(p, {0, 1, 1, no_choice});  // f = 1/3, 2/3, 0
  const auto loss_of = [&](std::vector<index_t> homes) {
    policy_alone<B, home_loss> loss({.alpha = 0.5}, {with_homes(std::move(homes))});
    return loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item();
  };
  // Experts 0 and 2 at home 7: mean of f' = 3 f is 1/2, of P the sum 0.55.
  CHECK(loss_of({7, 1, 7}) == doctest::Approx(0.5 * (0.5 * 0.55 + 2 * 0.45)).epsilon(1e-6));
  CHECK(loss_of({0, 0, 0}) == doctest::Approx(0.5).epsilon(1e-6));
  policy_alone<B, switch_loss> by_itself({.alpha = 0.5});
  CHECK(loss_of({0, 1, 2}) ==
        doctest::Approx(by_itself.ask(hooks::layer_loss{}, context<B>{}, r).value().item()).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/home_loss: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK(loss_gradient_error<B>(home_loss{}, random_table(4, 3, 7), {0, 1, 2, 0}, with_homes({0, 1, 0})) < 1e-6);
}
