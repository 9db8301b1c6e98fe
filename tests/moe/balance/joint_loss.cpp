#include "gmoe/moe/balance/joint_loss.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/joint_loss: averaged over the layers before the product", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  // One layer overloads expert 0, the other expert 1: together they are even.
  const table p(2, 2, {0.9, 0.1, 0.7, 0.3}), q(2, 2, {0.1, 0.9, 0.3, 0.7});
  findings<B> pass;
  pass.routings = {routing_of<B>(p, {0, 0}), routing_of<B>(q, {1, 1})};
  auto& layers = pass.routings;
  const joint_switch_loss joint{.alpha = 0.5};
  CHECK(joint.loss(pass).value().item() == doctest::Approx(0.5).epsilon(1e-6));
  layers[1] = routing_of<B>(q, {1, 0});  // f = 3/4, 1/4; P = 1/2, 1/2
  CHECK(joint.loss(pass).value().item() == doctest::Approx(0.5).epsilon(1e-6));
  layers[1] = routing_of<B>(p, {1, 0});  // P = 0.8, 0.2
  CHECK(joint.loss(pass).value().item() == doctest::Approx(0.5 * 2 * (0.75 * 0.8 + 0.25 * 0.2)).epsilon(1e-6));
  layers[1] = routing_of<B>(q, {0, no_choice});  // f = 1, 0 in both; P = 1/2, 1/2
  CHECK(joint.loss(pass).value().item() == doctest::Approx(0.5).epsilon(1e-6));
  layers.push_back(routing_of<B>(table(2, 3, 0.3), {1, 0}));
  CHECK(refusal([&] { joint.loss(pass); }) == "joint_switch_loss: a layer of 3 experts beside one of 2");
}
