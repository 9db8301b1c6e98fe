#include "gmoe/moe/gate/slice_gates.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/gate/slice_gates: weights that are 1 on average", B, GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(table(2, 3, {0.2, 0.3, 0.5, 0.4, 0.2, 0.4}), {2, 1, 0, 2});
  policy_alone<B, weights_around_one> gate;
  const auto w = gate.ask(hooks::weights{}, context<B>{}, r).value().to_host();
  CHECK(static_cast<double>(w[0]) == doctest::Approx(2 * 0.5 / 0.8).epsilon(1e-6));
  CHECK(static_cast<double>(w[1]) == doctest::Approx(2 * 0.3 / 0.8).epsilon(1e-6));
  CHECK(static_cast<double>(w[2]) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/gate/slice_gates: exactly 1, with the scores' gradient", B, GMOE_TEST_MODULE_BACKENDS) {
  routing<B> r = routing_of<B>(table(1, 3, {0.2, 0.3, 0.5}), {2, 0});
  tape<B> tape;
  parameter<B> p("p", 1, 3);
  p.value() = put<B>(table(1, 3, {0.2, 0.3, 0.5}));
  r.scores = variable<B>(p, &tape);
  policy_alone<B, one_by_score> gate;
  context<B> ctx;
  ctx.tape = &tape;
  const variable<B> w = gate.ask(hooks::weights{}, ctx, r);
  CHECK(w.value().to_host() == std::vector<typename B::scalar>{1, 1});
  tape.backward(dot(w, ctx.constant(put<B>(table(1, 2, {3, 5})))));
  CHECK(p.gradient().to_host() == std::vector<typename B::scalar>{5, 0, 3});
}
