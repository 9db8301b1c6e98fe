#include "gmoe/core/normal_quantile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

using gmoe::fn::normal_quantile;

TEST_CASE("core/normal_quantile: the inverse of the normal distribution, in both tails") {
  const normal_quantile quantile;
  for (const double q : {1e-12, 0.01, 0.1, 0.3, 0.4249, 0.4251, 0.45, 0.49, 0.4999, 0.499999, 0.49999999}) {
    const double x = quantile(q);
    CHECK(std::erfc(x * -0.7071067811865476) / 2 == doctest::Approx(0.5 + q).epsilon(1e-15));
    CHECK(std::erfc(x * 0.7071067811865476) / 2 == doctest::Approx(0.5 - q).epsilon(1e-13).scale(0));
    CHECK(quantile(-q) == -x);
    CHECK(quantile(static_cast<float>(q)) == doctest::Approx(quantile(double(float(q)))).epsilon(1e-5));
  }
  CHECK(quantile(0.0) == 0);
  CHECK(quantile(0.475) == doctest::Approx(1.9599639845400545).epsilon(1e-15));
}

TEST_CASE("core/normal_quantile: finite for every random word, the first and the last") {
  const normal_quantile quantile;
  CHECK(quantile(-0.5) == doctest::Approx(-6.337).epsilon(1e-3));
  CHECK(quantile(0.5) == -quantile(-0.5));
  CHECK(quantile(0.5f) == doctest::Approx(6.337).epsilon(1e-3));
}
