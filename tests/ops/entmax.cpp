#include "gmoe/ops/entmax.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/entmax: some probabilities are zero, and their gradient is", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return entmax_rows(in[0]); };
  for (index_t cols : {1, 3, 8, 11}) {
    const table z = random_table(4, cols, 1, -2, 2), p = evaluate<B>(f, {z});
    for (index_t i = 0; i < 4; ++i) {
      // What is above zero is (z / 2 - tau)^2 with one tau for the row.
      double sum = 0, tau = not_a_number;
      for (index_t j = 0; j < cols; ++j) {
        sum += p(i, j);
        if (p(i, j) == 0) continue;
        const double t = z(i, j) / 2 - std::sqrt(p(i, j));
        if (std::isnan(tau)) tau = t;
        CHECK(t == doctest::Approx(tau).epsilon(1e-12));
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-12));
      for (index_t j = 0; j < cols; ++j)
        if (p(i, j) == 0) CHECK(z(i, j) / 2 <= tau + 1e-12);
    }
    CHECK(gradient_error<B>(f, {z}) < 1e-7);
  }
  // Two columns: p = (1/2 + d sqrt(2 - d^2) / 2, ...) for the half difference d of the halves.
  const double d = 0.3;
  const table p = evaluate<B>(f, {table(1, 2, {4 * d, 0})});
  CHECK(p(0, 0) == doctest::Approx(0.5 + d * std::sqrt(2 - 4 * d * d)));
}
