#include "gmoe/moe/balance/z_loss.hpp"

#include <doctest/doctest.h>

#include <array>

#include "moe/balance/loss_gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/z_loss: beta mean (log sum exp)^2", B, GMOE_TEST_MODULE_BACKENDS) {
  const table z = random_table(4, 3, 7);
  const auto square_of = [&](index_t t) {
    double sum = 0;
    for (index_t e = 0; e < 3; ++e) sum += std::exp(z(t, e));
    return std::log(sum) * std::log(sum);
  };
  routing<B> r = routing_of<B>(z, {0, 1, 2, 0});
  policy_alone<B, z_loss> loss({.beta = 0.3});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() ==
        doctest::Approx(0.3 / 4 * (square_of(0) + square_of(1) + square_of(2) + square_of(3))).epsilon(1e-5));
  const std::array<index_t, 2> lengths{1, 2};
  r.valid = valid_rows<B>::of_lengths(lengths, 2);
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() ==
        doctest::Approx(0.3 / 3 * (square_of(0) + square_of(2) + square_of(3))).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("moe/balance/z_loss: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK(loss_gradient_error<B>(z_loss{.beta = 0.7}, random_table(4, 3, 7), {0, 1, 2, 0}) < 1e-6);
}
