#include "gmoe/ops/groups.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/groups: sums, means and log-sum-exp of neighbouring columns, and copies", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 6, 1, -2, 2);
  for (index_t n : {1, 2, 3, 6}) {
    table sums(5, 6 / n), means(5, 6 / n), logs(5, 6 / n), copies(5, 6 * n);
    for (index_t t = 0; t < 5; ++t) {
      for (index_t j = 0; j < 6; ++j) {
        sums(t, j / n) += x(t, j);
        means(t, j / n) += x(t, j) / static_cast<double>(n);
        logs(t, j / n) += std::exp(x(t, j));
        for (index_t k = 0; k < n; ++k) copies(t, j * n + k) = x(t, j);
      }
      for (index_t g = 0; g < 6 / n; ++g) logs(t, g) = std::log(logs(t, g));
    }
    const operation<B> sum = [&](const inputs<B>& in) { return group_sums(in[0], n); };
    const operation<B> mean = [&](const inputs<B>& in) { return group_means(in[0], n); };
    const operation<B> log = [&](const inputs<B>& in) { return group_log_sum_exp(in[0], n); };
    const operation<B> copy = [&](const inputs<B>& in) { return group_repeat(in[0], n); };
    CHECK(difference(evaluate<B>(sum, {x}), sums) < 1e-13);
    CHECK(difference(evaluate<B>(mean, {x}), means) < 1e-13);
    CHECK(difference(evaluate<B>(log, {x}), logs) < 1e-13);
    CHECK(difference(evaluate<B>(copy, {x}), copies) == 0);
    CHECK(gradient_error<B>(sum, {x}) < 1e-8);
    CHECK(gradient_error<B>(mean, {x}) < 1e-8);
    CHECK(gradient_error<B>(log, {x}) < 1e-8);
    CHECK(gradient_error<B>(copy, {x}) < 1e-8);
  }
  const variable<B> v = constant<B>(x);
  CHECK_THROWS_WITH_AS(group_sums(v, 4), "group_sums: groups of 4 columns among 6", config_error);
  CHECK_THROWS_WITH_AS(group_means(v, 0), "group_means: groups of 0 columns among 6", config_error);
  CHECK_THROWS_AS(group_log_sum_exp(v, 5), config_error);
  CHECK_THROWS_WITH_AS(group_repeat(v, 0), "group_repeat: 0 copies", config_error);
}
