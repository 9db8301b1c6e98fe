#include "gmoe/ops/log_softmax.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/softmax.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/log_softmax: log of the sum of exponentials, and of probabilities", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> total = [](const inputs<B>& in) { return log_sum_exp_rows(in[0]); };
  const operation<B> logs = [](const inputs<B>& in) { return log_softmax_rows(in[0]); };
  for (index_t cols : {1, 3, 11}) {
    const table z = random_table(4, cols, 1, -3, 3);
    table sums(4, 1), expected(4, cols);
    for (index_t i = 0; i < 4; ++i) {
      for (index_t j = 0; j < cols; ++j) sums(i, 0) += std::exp(z(i, j));
      sums(i, 0) = std::log(sums(i, 0));
      for (index_t j = 0; j < cols; ++j) expected(i, j) = z(i, j) - sums(i, 0);
    }
    CHECK(difference(evaluate<B>(total, {z}), sums) < 1e-13);
    CHECK(difference(evaluate<B>(logs, {z}), expected) < 1e-12);
    CHECK(gradient_error<B>(total, {z}) < 1e-8);
    CHECK(gradient_error<B>(logs, {z}) < 1e-8);
  }
  // A probability of exp(-1000) is no number, its logarithm is.
  CHECK(evaluate<B>(logs, {table(1, 2, {0, 1000})}).values == std::vector<double>{-1000, 0});
}

TEST_CASE_TEMPLATE("ops/log_softmax: entropy of rows", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return entropy_rows(in[0]); };
  const table p = softmax(random_table(4, 5, 1, -2, 2));
  table expected(4, 1);
  for (index_t i = 0; i < 4; ++i)
    for (index_t j = 0; j < 5; ++j) expected(i, 0) -= p(i, j) * std::log(p(i, j));
  CHECK(difference(evaluate<B>(f, {p}), expected) < 1e-13);
  CHECK(gradient_error<B>(f, {p}) < 1e-8);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return entropy_rows(softmax_rows(in[0])); },
                          {random_table(4, 5, 2, -2, 2)}) < 1e-8);
  CHECK(difference(evaluate<B>(f, {table(2, 4, {1, 0, 0, 0, 0.5, 0, 0.5, 0})}), table(2, 1, {0, std::log(2.0)})) <
        1e-14);
}

TEST_CASE_TEMPLATE("ops/log_softmax: the entropy of a certain choice has a gradient that is a number", B,
                   GMOE_TEST_BACKENDS) {
  parameter<B> z("z", put<B>(table(1, 3, {1000, 0, -1000})));
  tape<B> t;
  t.backward(sum(entropy_rows(softmax_rows(variable<B>(z, &t)))));
  for (double g : get(z.gradient()).values) CHECK(std::abs(g) < 1e-6);
}
