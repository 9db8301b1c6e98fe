#include "gmoe/ops/grouped_matmul.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

const std::vector<index_t> heights{3, 2, 4, 1};
const std::vector<index_t> first_row{0, 3, 5, 9, 10};

/// Row by row from the formula.
table products(const table& x, const table& w, const std::vector<id_type>& visible, const std::vector<index_t>& lengths,
               index_t widest, op op_w) {
  table y(x.rows, op_w == op::none ? w.cols : widest);
  index_t i = 0;
  for (std::size_t g = 0; g < lengths.size(); ++g)
    for (index_t n = 0; n < lengths[g]; ++n, ++i) {
      const auto block = static_cast<std::size_t>(visible[g]);
      for (index_t u = 0; u < first_row[block + 1] - first_row[block]; ++u)
        for (index_t c = 0; c < w.cols; ++c) {
          const double weight = w(first_row[block] + u, c);
          if (op_w == op::none)
            y(i, c) += x(i, u) * weight;
          else
            y(i, u) += x(i, c) * weight;
        }
    }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/grouped_matmul: every row times its group's block, and every gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  struct shape {
    std::vector<id_type> visible;
    std::vector<index_t> lengths;
  };
  for (const shape& s : {shape{{2, 0, 1}, {3, 0, 2}}, {{0, 1, 2, 3}, {2, 1, 0, 3}}, {{1}, {4}}, {{1, 3}, {0, 5}}})
    for (op op_w : {op::none, op::transpose}) {
      const block_layout blocks(heights, s.visible);
      const row_groups<B> groups(s.lengths);
      const table x = random_table(groups.rows, op_w == op::none ? blocks.widest() : 3, 1), w = random_table(10, 3, 2);
      const operation<B> f = [&](const inputs<B>& in) { return grouped_matmul(in[0], in[1], blocks, groups, op_w); };
      CHECK(difference(evaluate<B>(f, {x, w}), products(x, w, s.visible, s.lengths, blocks.widest(), op_w)) < 1e-14);
      CHECK(gradient_error<B>(f, {x, w}) < 1e-8);
    }
}

TEST_CASE_TEMPLATE("ops/grouped_matmul: two layers may see different blocks of one matrix", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [&](const inputs<B>& in) {
    const variable<B> h = grouped_matmul(in[0], in[1], block_layout(heights, {2, 3}), row_groups<B>({2, 3}));
    return grouped_matmul(h, in[1], block_layout(heights), row_groups<B>({1, 1, 3, 0}), op::transpose);
  };
  CHECK(gradient_error<B>(f, {random_table(5, 4, 1), random_table(10, 3, 2)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/grouped_matmul: no rows, no gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> w("w", put<B>(random_table(10, 3, 1)));
  tape<B> t;
  const variable<B> y = grouped_matmul(variable<B>(matrix<B>(0, 3)), variable<B>(w, &t), block_layout(heights),
                                       row_groups<B>({0, 0, 0, 0}), op::transpose);
  CHECK((y.rows() == 0 && y.cols() == 4));
  t.backward(sum(y));
  for (double g : get(w.gradient()).values) CHECK(g == 0);
}

TEST_CASE_TEMPLATE("ops/grouped_matmul: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  const block_layout blocks(heights, {2, 0});
  const row_groups<B> groups({1, 2});
  CHECK_THROWS_WITH_AS(grouped_matmul(c(3, 3), c(10, 3), blocks, groups),
                       "grouped_matmul: expected an input of 3 x 4, got 3 x 3", config_error);
  CHECK_THROWS_WITH_AS(grouped_matmul(c(3, 4), c(10, 3), blocks, groups, op::transpose),
                       "grouped_matmul: expected an input of 3 x 3, got 3 x 4", config_error);
  CHECK_THROWS_WITH_AS(grouped_matmul(c(4, 4), c(10, 3), blocks, groups),
                       "grouped_matmul: expected an input of 3 x 4, got 4 x 4", config_error);
  CHECK_THROWS_WITH_AS(grouped_matmul(c(3, 4), c(8, 3), blocks, groups),
                       "grouped_matmul: blocks up to row 9 of a matrix of 8 rows", config_error);
  CHECK_THROWS_WITH_AS(grouped_matmul(c(3, 4), c(10, 3), blocks, row_groups<B>({3})),
                       "grouped_matmul: rows in 1 groups for blocks of 2", config_error);
}
