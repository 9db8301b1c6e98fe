#include "gmoe/ops/normal_noise.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/normal_noise: the quantiles of the stream's words, row by row", B, GMOE_TEST_BACKENDS) {
  const random_stream random = random_stream(3).from(7);
  const table noise = get(normal_noise<B>(5, 3, random));
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 3; ++j) {
      const double below = random.word(static_cast<std::uint64_t>(i * 3 + j)) * 0x1.0p-32;
      CHECK(std::erfc(noise(i, j) * -0.7071067811865476) / 2 == doctest::Approx(below).epsilon(1e-5));
    }
  CHECK(get(normal_noise<B>(0, 3, random)).values.empty());
}

TEST_CASE_TEMPLATE("ops/normal_noise: mean, variance and tails", B, GMOE_TEST_BACKENDS) {
  const table noise = get(normal_noise<B>(200, 100, random_stream(1)));
  double sum = 0, squares = 0, fourth = 0;
  for (const double x : noise.values) {
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  CHECK(std::abs(sum / 20000) < 0.02);
  CHECK(squares / 20000 == doctest::Approx(1).epsilon(0.03));
  CHECK(fourth / 20000 == doctest::Approx(3).epsilon(0.1));
}
