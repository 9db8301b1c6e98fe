#include "gmoe/ops/rotary.hpp"

#include <doctest/doctest.h>

#include "gmoe/nn/rotary_angles.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/rotary: turned by position, the rest stays, and its gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const matrix<B> angles = rotary_angles<B>(7, 4, 100);
  const operation<B> f = [&](const inputs<B>& in) { return rotary(in[0], angles, 3, 2, 8); };
  const table x = random_table(6, 11, 1);
  table expected = x;
  for (index_t i = 0; i < 6; ++i)
    for (index_t head : {0, 4})
      for (index_t j = 0; j < 2; ++j) {
        const double angle = static_cast<double>(2 + i % 3) * std::pow(100, -static_cast<double>(j) / 2),
                     a = x(i, head + j), b = x(i, head + 2 + j);
        expected(i, head + j) = a * std::cos(angle) - b * std::sin(angle);
        expected(i, head + 2 + j) = b * std::cos(angle) + a * std::sin(angle);
      }
  CHECK(difference(evaluate<B>(f, {x}), expected) < 1e-14);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/rotary: products depend on how far rows are apart", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const matrix<B> angles = rotary_angles<B>(20, 8, 10000);
  const table x = random_table(2, 8, 2);
  const auto product = [&](index_t first, index_t second) {
    double sum = 0;
    const table a = get(rotary(constant<B>(x), angles, 1, first, 8).value()),
                b = get(rotary(constant<B>(x), angles, 1, second, 8).value());
    for (index_t j = 0; j < 8; ++j) sum += a(0, j) * b(1, j);
    return sum;
  };
  CHECK(product(3, 1) == doctest::Approx(product(19, 17)).epsilon(1e-12));
  CHECK(product(3, 1) != doctest::Approx(product(3, 2)).epsilon(1e-3));
}

TEST_CASE_TEMPLATE("ops/rotary: what it refuses", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK_THROWS_WITH_AS(rotary_angles<B>(3, 5, 10), "rotary_angles: a head of 5 columns cannot be turned in pairs",
                       config_error);
  const matrix<B> angles = rotary_angles<B>(3, 4, 10);
  const variable<B> x = constant<B>(table(4, 12));
  CHECK_THROWS_WITH_AS(rotary(x, angles, 2, 2, 8), "rotary: position 3 is beyond the 3 that there are angles for",
                       config_error);
  CHECK_THROWS_WITH_AS(rotary(x, angles, 2, 0, 6), "rotary: 6 of 12 columns are no heads of 4", config_error);
}
