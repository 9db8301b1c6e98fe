#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/reduce: sums of rows, of columns and of everything", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  with_threads<B>([] {
    const index_t shapes[][2] = {{1, 1}, {4, 3}, {7, 8}, {3, 17}, {301, 67}, {2, 9001}, {9001, 2}, {5, 0}};
    for (const auto& s : shapes)
      for (double beta : {0.0, 1.0}) {
        const index_t rows = s[0], cols = s[1];
        CAPTURE(rows);
        CAPTURE(cols);
        CAPTURE(beta);
        const table a = random_table(rows, cols, 1), b = random_table(rows, cols, 2);
        const table row_start = random_table(rows, 1, 3), col_start = random_table(1, cols, 4);
        table dots(rows, 1), row_sums(rows, 1), col_sums(1, cols), sum(1, 1);
        for (index_t i = 0; i < rows; ++i)
          for (index_t j = 0; j < cols; ++j) {
            dots(i, 0) += a(i, j) * b(i, j);
            row_sums(i, 0) += 0.5 * a(i, j);
            col_sums(0, j) += 0.5 * a(i, j);
            sum(0, 0) += 0.5 * a(i, j);
          }
        const auto plus = [beta](double u, double v) { return u + beta * v; };
        const auto start = [beta](const table& t) { return beta == 0 ? table(t.rows, t.cols, not_a_number) : t; };
        const framed<B> fa(a), fb(b);
        const auto be = static_cast<scalar>(beta);
        const scalar half = scalar(0.5);
        // A sum of n terms of size 1 has errors of n roundings of its partial sums, not of its result.
        const double allowed = tolerance<B> * std::max(1.0, std::sqrt(static_cast<double>(std::max(rows, cols))) / 8);

        framed<B> y(start(row_start));
        B::row_dots(y.view(), be, fa.in(), fb.in());
        CHECK(difference(y.inner(), each(plus, dots, row_start)) < allowed);
        CHECK(y.border_untouched());
        framed<B> z(start(row_start));
        B::row_sums(z.view(), be, half, fa.in());
        CHECK(difference(z.inner(), each(plus, row_sums, row_start)) < allowed);
        framed<B> c(start(col_start));
        B::col_sums(c.view(), be, half, fa.in());
        CHECK(difference(c.inner(), each(plus, col_sums, col_start)) < allowed);
        CHECK(c.border_untouched());
        framed<B> all(start(table(1, 1, 3)));
        B::sum(all.view(), be, half, fa.in());
        CHECK(difference(all.inner(), each(plus, sum, table(1, 1, 3))) < 4 * allowed);
      }
  });
}

TEST_CASE_TEMPLATE("backend/reduce: the sum of squares is exact enough to be the same on any number of threads", B,
                   GMOE_TEST_BACKENDS) {
  std::vector<double> seen;
  with_threads<B>([&] {
    const table x = random_table(371, 401, 5);
    double expected = 0;
    for (double v : x.values) expected += v * v;
    const double y = B::sum_of_squares(put<B>(x).view());
    CHECK(y == doctest::Approx(expected).epsilon(1e-6));
    seen.push_back(y);
  });
  for (double y : seen) CHECK(y == seen.front());
  CHECK(B::sum_of_squares(put<B>(table(1, 1, -3)).view()) == 9);
  CHECK(B::sum_of_squares(matrix_view<const typename B::scalar>{}) == 0);
}

TEST_CASE_TEMPLATE("backend/reduce: the sum of squares of a sub-block", B, GMOE_TEST_BACKENDS) {
  const table x = random_table(9, 13, 6);
  double expected = 0;
  for (double v : x.values) expected += v * v;
  CHECK(B::sum_of_squares(framed<B>(x).in()) == doctest::Approx(expected).epsilon(1e-6));
}
