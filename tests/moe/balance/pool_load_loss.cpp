#include "gmoe/moe/balance/pool_load_loss.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/balance/joint_loss.hpp"
#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
double pool_loss(const pool_load_loss& policy, const findings<B>& pass) {
  policy_alone<B, pool_load_loss> loss(policy);
  return static_cast<double>(loss.ask(hooks::loss{}, context<B>{}, pass).value().item());
}
/// Two layers of two tokens each that see these.
template <class B>
findings<B> two_layers(const pool_view& one, const pool_view& other) {
  findings<B> pass;
  pass.routings = {routing_of<B>(table(2, 2, {0.9, 0.1, 0.5, 0.5}), {0, 0}),   // P = 0.7, 0.3
                   routing_of<B>(table(2, 2, {0.2, 0.8, 0.6, 0.4}), {1, 0})};  // P = 0.4, 0.6
  pass.routings[0].pool = one;
  pass.routings[1].pool = other;
  return pass;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/pool_load_loss: experts meet by their numbers", B, GMOE_TEST_MODULE_BACKENDS) {
  // Expert 0 is seen by the first layer, 2 by the second, 1 by both: in the second column, then in the first.
  const findings<B> pass = two_layers<B>(pool_of({0, 1}, {2, 4}, {}, {1, 2}), pool_of({1, 2}, {4, 6}, {}, {2, 1}));
  // f = 1/2, 1/4, 1/4; P = 0.35, 0.35, 0.3 over both layers
  CHECK(pool_loss(pool_load_loss{.alpha = 1, .by_exposure = false}, pass) ==
        doctest::Approx(3 * (0.5 * 0.35 + 0.25 * 0.35 + 0.25 * 0.3)).epsilon(1e-6));
  // mean exposure 4/3
  const double seldom = 16.0 / 9, often = 4.0 / 9;
  CHECK(pool_loss(pool_load_loss{.alpha = 1}, pass) ==
        doctest::Approx(3 * (seldom * 0.5 * 0.35 + often * 0.25 * 0.35 + seldom * 0.25 * 0.3)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/pool_load_loss: load in proportion to exposure costs alpha", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  findings<B> pass;
  pass.routings = {routing_of<B>(table(2, 2, 0.5), {0, 1}), routing_of<B>(table(2, 2, 0.5), {1, 0})};
  pass.routings[0].pool = pool_of({0, 1}, {2, 2}, {}, {1, 2});
  pass.routings[1].pool = pool_of({1, 2}, {2, 2}, {}, {2, 1});
  CHECK(pool_loss(pool_load_loss{.alpha = 0.3}, pass) == doctest::Approx(0.3).epsilon(1e-6));
  CHECK(pool_loss(pool_load_loss{.alpha = 0.3, .by_exposure = false}, pass) > 0.3 * 1.1);
}

TEST_CASE_TEMPLATE("moe/balance/pool_load_loss: a global pool is the joint loss, private pools the mean of the layers'",
                   B, GMOE_TEST_MODULE_BACKENDS) {
  const findings<B> global = two_layers<B>(pool_of({0, 1}, {2, 4}, {}, {2, 2}), pool_of({0, 1}, {2, 4}, {}, {2, 2})),
                    own = two_layers<B>(pool_of({0, 1}, {2, 4}), pool_of({2, 3}, {2, 4}));
  policy_alone<B, switch_loss> layer;
  double mean = 0;
  for (const auto& r : own.routings)
    mean += static_cast<double>(layer.ask(hooks::layer_loss{}, context<B>{}, r).value().item()) / 2;
  const double joint = static_cast<double>(joint_switch_loss{}.loss(global).value().item());
  for (const bool by_exposure : {true, false}) {
    CHECK(pool_loss(pool_load_loss{.by_exposure = by_exposure}, global) == doctest::Approx(joint).epsilon(1e-6));
    CHECK(pool_loss(pool_load_loss{.by_exposure = by_exposure}, own) == doctest::Approx(mean).epsilon(1e-6));
  }
}

TEST_CASE_TEMPLATE("moe/balance/pool_load_loss: a layer that routed nobody is not counted", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  findings<B> pass;
  pass.routings = {routing_of<B>(table(2, 2, {0.9, 0.1, 0.5, 0.5}), {0, 0}), routing_of<B>(table(2, 2, 0.5), {0, 1})};
  pass.routings[0].pool = pass.routings[1].pool = pool_of({0, 1}, {2, 2}, {}, {2, 2});
  pass.routings[1].chosen = id_matrix<B>(0, 1);
  CHECK(pool_loss(pool_load_loss{.alpha = 1}, pass) == doctest::Approx(2 * 0.7).epsilon(1e-6));
}
