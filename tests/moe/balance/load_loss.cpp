#include "gmoe/moe/balance/load_loss.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/balance/gshard_loss.hpp"
#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/load_loss: what is counted, and what a width costs", B, GMOE_TEST_MODULE_BACKENDS) {
  const table p(4, 2, {0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2});                            // mean 0.65, 0.35
  const routing<B> r = routing_of<B>(p, {0, 1, 0, no_choice, 1, no_choice, 0, no_choice});  // 3 and 2 pairs
  const auto loss_of = [&](const load_loss& policy) {
    policy_alone<B, load_loss> loss(policy, {shape_of(pool_of({0, 1}, {3, 9}))});
    return static_cast<double>(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item());
  };
  CHECK(loss_of({.alpha = 0.5}) == doctest::Approx(0.5 * 2 * (3.0 / 5 * 0.65 + 2.0 / 5 * 0.35)).epsilon(1e-6));
  CHECK(loss_of({.alpha = 0.5, .count = load_count::tokens}) ==
        doctest::Approx(0.5 * 2 * (3.0 / 4 * 0.65 + 2.0 / 4 * 0.35)).epsilon(1e-6));
  CHECK(loss_of({.alpha = 0.5, .count = load_count::first_choices}) ==
        doctest::Approx(0.5 * 2 * (3.0 / 4 * 0.65 + 1.0 / 4 * 0.35)).epsilon(1e-6));
  CHECK(loss_of({.alpha = 0.5, .by_width = true}) ==
        doctest::Approx(0.5 * 2 * (3.0 / 5 * 0.65 * 0.5 + 2.0 / 5 * 0.35 * 1.5)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/load_loss: as it is, Switch's; of first choices, GShard's", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(random_table(7, 3, 1), {0, 1, 2, 1, 0, 1, 0, 2, 1, no_choice, 0, 1, 0, 2});
  policy_alone<B, load_loss> loss({}, {shape_of(pool_of({0, 1, 2}, {5, 5, 5}))}),
      first({.count = load_count::first_choices}, {shape_of(pool_of({0, 1, 2}, {5, 5, 5}))}),
      widths({.by_width = true}, {shape_of(pool_of({0, 1, 2}, {5, 5, 5}))});
  policy_alone<B, switch_loss> usual;
  policy_alone<B, gshard_loss> gshard;
  const auto ask = [&](auto& policy) { return policy.ask(hooks::layer_loss{}, context<B>{}, r).value().item(); };
  CHECK(ask(loss) == ask(usual));
  CHECK(ask(first) == ask(gshard));
  CHECK(ask(widths) == doctest::Approx(ask(usual)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/load_loss: padding is no token", B, GMOE_TEST_MODULE_BACKENDS) {
  routing<B> r = routing_of<B>(table(3, 2, {0.9, 0.1, 0.6, 0.4, 0.2, 0.8}), {0, 1, no_choice});
  r.valid = valid_rows<B>::of_lengths(std::vector<index_t>{2}, 3);
  policy_alone<B, load_loss> loss({.alpha = 1, .count = load_count::tokens}, {shape_of(pool_of({0, 1}, {5, 5}))});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() ==
        doctest::Approx(2 * (0.5 * 0.75 + 0.5 * 0.25)).epsilon(1e-6));
}
