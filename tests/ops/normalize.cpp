#include "gmoe/ops/normalize.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/normalize: rows of sum one and rows of length one", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t cols : {1, 2, 9}) {
    const table w = random_table(4, cols, 1, 0.1, 1), x = random_table(4, cols, 2, 0.2, 1);
    table sums(4, cols), lengths(4, cols);
    for (index_t i = 0; i < 4; ++i) {
      double sum = 0.01, square = 0.02;
      for (index_t j = 0; j < cols; ++j) {
        sum += w(i, j);
        square += x(i, j) * x(i, j);
      }
      for (index_t j = 0; j < cols; ++j) {
        sums(i, j) = w(i, j) / sum;
        lengths(i, j) = x(i, j) / std::sqrt(square);
      }
    }
    const operation<B> by_sum = [](const inputs<B>& in) { return normalize_sums(in[0], 0.01); };
    const operation<B> by_length = [](const inputs<B>& in) { return normalize_lengths(in[0], 0.02); };
    CHECK(difference(evaluate<B>(by_sum, {w}), sums) < 1e-13);
    CHECK(difference(evaluate<B>(by_length, {x}), lengths) < 1e-13);
    CHECK(gradient_error<B>(by_sum, {w}) < 1e-8);
    CHECK(gradient_error<B>(by_length, {x}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/normalize: a row of zeros stays zero", B, GMOE_TEST_BACKENDS) {
  CHECK(get(normalize_lengths(constant<B>(table(1, 3))).value()).values == std::vector<double>(3, 0.0));
  CHECK(get(normalize_sums(constant<B>(table(1, 3)), 1e-9).value()).values == std::vector<double>(3, 0.0));
}
