#include "gmoe/ops/segments.hpp"

#include <doctest/doctest.h>

#include "ops/chosen_pairs.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/segments: sums over consecutive rows, their expansion, and the gradients of both", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const std::vector<index_t>& lengths :
       {std::vector<index_t>{2, 0, 3}, {4}, {0, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}}) {
    const row_groups<B> groups(lengths);
    const table x = random_table(groups.rows, 3, 1), v = random_table(groups.groups, 3, 2);
    table sums(groups.groups, 3), expanded(groups.rows, 3);
    index_t i = 0;
    for (index_t g = 0; g < groups.groups; ++g)
      for (index_t n = 0; n < lengths[static_cast<std::size_t>(g)]; ++n, ++i)
        for (index_t c = 0; c < 3; ++c) {
          sums(g, c) += 0.25 * x(i, c);
          expanded(i, c) = v(g, c);
        }
    const operation<B> add = [&](const inputs<B>& in) { return segment_sums(in[0], groups, 0.25); };
    const operation<B> expand = [&](const inputs<B>& in) { return expand_segments(in[0], groups); };
    CHECK(difference(evaluate<B>(add, {x}), sums) < 1e-14);
    CHECK(difference(evaluate<B>(expand, {v}), expanded) == 0);
    CHECK(gradient_error<B>(add, {x}) < 1e-8);
    CHECK(gradient_error<B>(expand, {v}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/segments: an expert's own vector for each of its pairs, and none of it without pairs", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const chosen_pairs& c : pairs_to_try()) {
    const table v = random_table(c.experts, 2, 1);
    const operation<B> expand = [&](const inputs<B>& in) { return expand_segments(in[0], c.template sorted<B>()); };
    table expected(c.rows(), 2);
    c.each_row([&](index_t i, index_t e, index_t, index_t) {
      for (index_t n = 0; n < 2; ++n) expected(i, n) = v(e, n);
    });
    CHECK(difference(evaluate<B>(expand, {v}), expected) == 0);
    const table sums =
        evaluate<B>([&](const inputs<B>& in) { return segment_sums(in[0], c.template sorted<B>()); }, {expected});
    for (index_t e = 0; e < c.experts; ++e)
      CHECK(sums(e, 0) ==
            doctest::Approx(v(e, 0) * static_cast<double>(std::count(c.choice.begin(), c.choice.end(), e))));
  }
}

TEST_CASE_TEMPLATE("ops/segments: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const row_groups<B> groups({1, 2});
  CHECK_THROWS_WITH_AS(segment_sums(constant<B>(table(2, 1)), groups), "segment_sums: 2 rows, but groups of 3",
                       config_error);
  CHECK_THROWS_WITH_AS(expand_segments(constant<B>(table(3, 1)), groups), "expand_segments: 3 rows for 2 groups",
                       config_error);
}
