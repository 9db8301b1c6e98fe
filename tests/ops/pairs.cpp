#include "gmoe/ops/pairs.hpp"

#include <doctest/doctest.h>

#include "ops/chosen_pairs.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/pairs: a row for every kept pair, the weighted sum of a token's rows, and every gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const chosen_pairs& c : pairs_to_try()) {
    const pair_groups<B> pairs = c.template sorted<B>();
    const table x = random_table(c.tokens, 3, 1), rows = random_table(c.rows(), 3, 2),
                w = random_table(c.tokens, c.slots, 3);
    table gathered(c.rows(), 3), sums(c.tokens, 3), weighted(c.tokens, 3), values(c.rows(), 1);
    c.each_row([&](index_t i, index_t, index_t t, index_t j) {
      values(i, 0) = w(t, j);
      for (index_t n = 0; n < 3; ++n) {
        gathered(i, n) = x(t, n);
        sums(t, n) += rows(i, n);
        weighted(t, n) += w(t, j) * rows(i, n);
      }
    });
    const operation<B> gather = [&](const inputs<B>& in) { return gather_pairs(in[0], pairs); };
    const operation<B> combine = [&](const inputs<B>& in) { return combine_pairs(in[0], pairs); };
    const operation<B> weigh = [&](const inputs<B>& in) { return combine_pairs(in[0], in[1], pairs); };
    const operation<B> sort = [&](const inputs<B>& in) { return pair_values(in[0], pairs); };
    CHECK(difference(evaluate<B>(gather, {x}), gathered) == 0);
    CHECK(difference(evaluate<B>(combine, {rows}), sums) < 1e-14);
    CHECK(difference(evaluate<B>(weigh, {rows, w}), weighted) < 1e-14);
    CHECK(difference(evaluate<B>(sort, {w}), values) == 0);
    if (c.tokens == 0) continue;
    CHECK(gradient_error<B>(gather, {x}) < 1e-8);
    CHECK(gradient_error<B>(combine, {rows}) < 1e-8);
    CHECK(gradient_error<B>(weigh, {rows, w}) < 1e-8);
    CHECK(gradient_error<B>(sort, {w}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/pairs: a dropped pair's weight has no gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const pair_groups<B> pairs = chosen_pairs{2, 2, 3, {0, no_choice, no_choice, 2}}.template sorted<B>();
  parameter<B> w("w", put<B>(random_table(2, 2, 2, 0.2, 1)));
  tape<B> t;
  t.backward(sum(combine_pairs(constant<B>(random_table(2, 3, 1)), variable<B>(w, &t), pairs)));
  const table dw = get(w.gradient());
  CHECK((dw(0, 0) != 0 && dw(0, 1) == 0 && dw(1, 0) == 0 && dw(1, 1) != 0));
}

TEST_CASE_TEMPLATE("ops/pairs: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  const pair_groups<B> pairs = chosen_pairs{2, 2, 3, {0, no_choice, 1, 2}}.template sorted<B>();
  CHECK_THROWS_WITH_AS(gather_pairs(c(3, 4), pairs), "gather_pairs: 3 rows, but pairs of 2 tokens", config_error);
  CHECK_THROWS_WITH_AS(combine_pairs(c(4, 4), pairs), "combine_pairs: 4 rows for 3 pairs", config_error);
  CHECK_THROWS_WITH_AS(combine_pairs(c(3, 4), c(2, 1), pairs), "combine_pairs: expected weights of 2 x 2, got 2 x 1",
                       config_error);
  CHECK_THROWS_WITH_AS(pair_values(c(2, 1), pairs), "pair_values: expected 2 x 2, got 2 x 1", config_error);
}
