#include "gmoe/moe/balance/winners_loss.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/winners_loss: shares and scores of winners alone", B, GMOE_TEST_BACKENDS) {
  const auto loss = [](const routing<B>& r) {
    return double(
        policy_alone<B, winners_loss>({.alpha = 0.5}).ask(hooks::layer_loss{}, context<B>{}, r).value().item());
  };
  // Winners 0, 0, 1, and 0 among equals; whatever was chosen.
  auto r = routing_of<B>(table(4, 2, {0.75, 0.25, 0.625, 0.375, 0.125, 0.875, 0.5, 0.5}), {1, 0, 0, 1});
  CHECK(loss(r) == doctest::Approx(0.5 * 2 * (0.75 * (0.75 + 0.625 + 0.5) / 4 + 0.25 * 0.875 / 4)).epsilon(1e-6));
  r.mask = put<B>(table(1, 2, {0, 1}));  // who may not be asked wins nothing
  CHECK(loss(r) == doctest::Approx(0.5 * 2 * (0.25 + 0.375 + 0.875 + 0.5) / 4).epsilon(1e-6));
}
