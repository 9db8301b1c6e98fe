#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/outer: products of two vectors in every row, and sums over either of them", B,
                   GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t rows : {1, 3, 200})
      for (index_t m : {1, 3, 9})
        for (index_t n : {1, 4, 19})
          for (double beta : {0.0, 1.0}) {
            CAPTURE(rows);
            CAPTURE(m);
            CAPTURE(n);
            CAPTURE(beta);
            const auto start = [&](index_t cols, std::uint64_t seed) {
              return beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, seed);
            };
            const table a = random_table(rows, m, 1), b = random_table(rows, n, 2), x = random_table(rows, m * n, 3);
            const table outer_before = start(m * n, 4), right_before = start(m, 5), left_before = start(n, 6);
            table outer = beta == 0 ? table(rows, m * n) : outer_before,
                  right = beta == 0 ? table(rows, m) : right_before, left = beta == 0 ? table(rows, n) : left_before;
            for (index_t t = 0; t < rows; ++t)
              for (index_t i = 0; i < m; ++i)
                for (index_t j = 0; j < n; ++j) {
                  outer(t, i * n + j) += a(t, i) * b(t, j);
                  right(t, i) += x(t, i * n + j) * b(t, j);
                  left(t, j) += x(t, i * n + j) * a(t, i);
                }
            const framed<B> fa(a), fb(b), fx(x);
            framed<B> y(outer_before), r(right_before), l(left_before);
            const auto add = static_cast<typename B::scalar>(beta);
            B::outer_rows(y.view(), add, fa.in(), fb.in());
            B::contract_rows(r.view(), add, fx.in(), fb.in());
            B::contract_rows_left(l.view(), add, fx.in(), fa.in());
            REQUIRE(difference(y.inner(), outer) < tolerance<B>);
            REQUIRE(difference(r.inner(), right) < tolerance<B>);
            REQUIRE(difference(l.inner(), left) < tolerance<B>);
            REQUIRE(y.border_untouched());
            REQUIRE(r.border_untouched());
            REQUIRE(l.border_untouched());
          }
  });
}
