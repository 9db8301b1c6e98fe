#include "gmoe/ops/columns.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/columns: a matrix, and groups of its rows, transposed", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(6, 4, 1);
  const operation<B> whole = [](const inputs<B>& in) { return transpose(in[0]); };
  const operation<B> by_group = [](const inputs<B>& in) { return transpose_groups(in[0], 3); };
  table expected(8, 3);
  for (index_t g = 0; g < 2; ++g)
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < 4; ++j) expected(g * 4 + j, i) = x(g * 3 + i, j);
  CHECK(difference(evaluate<B>(whole, {x}), transposed(x)) == 0);
  CHECK(difference(evaluate<B>(by_group, {x}), expected) == 0);
  CHECK(gradient_error<B>(whole, {x}) < 1e-8);
  CHECK(gradient_error<B>(by_group, {x}) < 1e-8);
  CHECK_THROWS_WITH_AS(transpose_groups(constant<B>(x), 4), "transpose_groups: groups of 4 rows among 6", config_error);
}

TEST_CASE_TEMPLATE("ops/columns: softmax, log-sum-exp and sums over the tokens of a sequence", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(6, 4, 1, -2, 2);
  table positive = z;
  for (double& v : positive.values) v = std::exp(v);
  for (index_t group : {2, 3, 6}) {
    table p(6, 4), logs(6 / group, 4), shares(6, 4);
    for (index_t g = 0; g < 6 / group; ++g)
      for (index_t j = 0; j < 4; ++j) {
        double sum = 0;
        for (index_t i = g * group; i < (g + 1) * group; ++i) sum += positive(i, j);
        for (index_t i = g * group; i < (g + 1) * group; ++i) p(i, j) = positive(i, j) / sum;
        for (index_t i = g * group; i < (g + 1) * group; ++i) shares(i, j) = positive(i, j) / (sum + 0.5);
        logs(g, j) = std::log(sum);
      }
    const operation<B> soft = [&](const inputs<B>& in) { return softmax_cols(in[0], group); };
    const operation<B> total = [&](const inputs<B>& in) { return log_sum_exp_cols(in[0], group); };
    const operation<B> share = [&](const inputs<B>& in) { return normalize_col_sums(in[0], 0.5, group); };
    CHECK(difference(evaluate<B>(soft, {z}), p) < 1e-13);
    CHECK(difference(evaluate<B>(total, {z}), logs) < 1e-13);
    CHECK(difference(evaluate<B>(share, {positive}), shares) < 1e-13);
    CHECK(gradient_error<B>(soft, {z}) < 1e-8);
    CHECK(gradient_error<B>(total, {z}) < 1e-8);
    CHECK(gradient_error<B>(share, {positive}) < 1e-8);
    if (group != 6) continue;
    CHECK(difference(get(softmax_cols(constant<B>(z)).value()), p) < 1e-13);
    CHECK(difference(get(log_sum_exp_cols(constant<B>(z)).value()), logs) < 1e-13);
    CHECK(difference(get(normalize_col_sums(constant<B>(positive), 0.5).value()), shares) < 1e-13);
  }
  const variable<B> nobody = softmax_cols(constant<B>(table(0, 4)));
  CHECK(nobody.rows() == 0);
  CHECK(nobody.cols() == 4);
}
