#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/softmax: rows of probabilities", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 2, 5, 8, 16, 19, 64, 1001})
      for (index_t rows : {index_t{1}, index_t{7}, many_rows(12000 / cols)}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const table x = random_table(rows, cols, 1, -5, 5);
        const framed<B> fx(x);
        framed<B> y(table(rows, cols, not_a_number));
        B::softmax_rows(y.view(), fx.in());
        REQUIRE(difference(y.inner(), softmax(x)) < tolerance<B>);
        REQUIRE(y.border_untouched());
        matrix<B> in_place = put<B>(x);
        B::softmax_rows(in_place.view(), std::as_const(in_place).view());
        REQUIRE(difference(get(in_place), softmax(x)) < tolerance<B>);
      }
  });
}

TEST_CASE_TEMPLATE("backend/softmax: large values neither overflow nor lose the row's sum", B, GMOE_TEST_BACKENDS) {
  const table x(3, 9, {1e4,  1e4,  0,    -1e4, 5,    1e4,  3,    2,    1,     //
                       -3e4, -3e4, -3e4, -3e4, -3e4, -3e4, -3e4, -3e4, -3e4,  //
                       88,   89,   90,   91,   92,   93,   -88,  -89,  300});
  matrix<B> y(3, 9);
  B::softmax_rows(y.view(), put<B>(x).view());
  CHECK(difference(get(y), softmax(x)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("backend/softmax: one column is 1 exactly", B, GMOE_TEST_BACKENDS) {
  matrix<B> y(3, 1);
  B::softmax_rows(y.view(), put<B>(table(3, 1, {-1e30, 0, 7})).view());
  CHECK(get(y).values == std::vector<double>(3, 1.0));
}

TEST_CASE_TEMPLATE("backend/softmax: NaN in a row is seen in that row only", B, GMOE_TEST_BACKENDS) {
  for (index_t at : {0, 3, 11}) {
    table x = random_table(2, 12, 4);
    x(1, at) = not_a_number;
    matrix<B> y(2, 12);
    B::softmax_rows(y.view(), put<B>(x).view());
    CHECK(std::isfinite(get(y)(0, at)));
    CHECK(std::isnan(get(y)(1, at)));
  }
}

TEST_CASE_TEMPLATE("backend/softmax: gradient y (dy - <dy, y>)", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 3, 8, 19, 64})
      for (double beta : {0.0, 1.0}) {
        const index_t rows = cols == 64 ? 200 : 6;
        CAPTURE(cols);
        const table y = softmax(random_table(rows, cols, 1, -3, 3)), dy = random_table(rows, cols, 2);
        const table before = beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, 3);
        table expected(rows, cols);
        for (index_t i = 0; i < rows; ++i) {
          double dot = 0;
          for (index_t j = 0; j < cols; ++j) dot += dy(i, j) * y(i, j);
          for (index_t j = 0; j < cols; ++j)
            expected(i, j) = y(i, j) * (dy(i, j) - dot) + (beta == 0 ? 0 : before(i, j));
        }
        framed<B> dx(before);
        const framed<B> fy(y), fdy(dy);
        B::softmax_rows_backward(dx.view(), static_cast<typename B::scalar>(beta), fdy.in(), fy.in());
        CHECK(difference(dx.inner(), expected) < tolerance<B>);
        CHECK(dx.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/softmax: what is not a number makes its whole row so, and no other", B,
                   GMOE_TEST_BACKENDS) {
  for (index_t cols : {1, 3, 8, 16, 19, 64, 301}) {
    table x = random_table(3, cols, 1, -5, 5);
    x(1, cols / 2) = not_a_number;
    matrix<B> y(3, cols);
    B::softmax_rows(y.view(), put<B>(x).view());
    const table found = get(y);
    CAPTURE(cols);
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < cols; ++j) REQUIRE(std::isnan(found(i, j)) == (i == 1));
  }
}
