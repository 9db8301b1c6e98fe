#include "gmoe/ops/batched_matmul.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/batched_matmul: a product for every block, every transposition, every gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t count : {1, 3})
    for (op a_op : {op::none, op::transpose})
      for (op b_op : {op::none, op::transpose}) {
        const index_t m = 2, n = 4, k = 3;
        const bool a_lies = a_op == op::none, b_lies = b_op == op::none;
        const table a = random_table(count * (a_lies ? m : k), a_lies ? k : m, 1),
                    b = random_table(count * (b_lies ? k : n), b_lies ? n : k, 2);
        const operation<B> f = [&](const inputs<B>& in) { return batched_matmul(in[0], in[1], count, a_op, b_op); };
        table expected(count * m, n);
        for (index_t t = 0; t < count; ++t)
          for (index_t i = 0; i < m; ++i)
            for (index_t j = 0; j < n; ++j)
              for (index_t l = 0; l < k; ++l)
                expected(t * m + i, j) +=
                    (a_lies ? a(t * m + i, l) : a(t * k + l, i)) * (b_lies ? b(t * k + l, j) : b(t * n + j, l));
        CHECK(difference(evaluate<B>(f, {a, b}), expected) < 1e-14);
        CHECK(gradient_error<B>(f, {a, b}) < 1e-8);
      }
}

TEST_CASE_TEMPLATE("ops/batched_matmul: both factors may be one variable", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return batched_matmul(in[0], in[0], 2, op::none, op::transpose); };
  CHECK(gradient_error<B>(f, {random_table(6, 2, 1)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/batched_matmul: blocks must be equal and fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  CHECK_THROWS_WITH_AS(batched_matmul(c(4, 3), c(7, 2), 2), "batched_matmul: 4 and 7 rows do not make 2 equal blocks",
                       config_error);
  CHECK_THROWS_WITH_AS(batched_matmul(c(4, 3), c(6, 2), 0), "batched_matmul: 4 and 6 rows do not make 0 equal blocks",
                       config_error);
  CHECK_THROWS_WITH_AS(batched_matmul(c(4, 3), c(4, 2), 2), "batched_matmul: inner sizes differ, 2 x 3 times 2 x 2",
                       config_error);
}
