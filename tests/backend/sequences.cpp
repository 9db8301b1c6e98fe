#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/sequences: each group of rows transposed", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t group : {1, 5, 33, 70})
      for (index_t groups : {1, 3})
        for (index_t cols : {1, 8, 40})
          for (double beta : {0.0, 1.0}) {
            CAPTURE(group);
            CAPTURE(groups);
            CAPTURE(cols);
            CAPTURE(beta);
            const table x = random_table(groups * group, cols, 1);
            table before = random_table(groups * cols, group, 2), expected = before;
            if (beta == 0) before = expected = table(groups * cols, group, not_a_number);
            for (index_t g = 0; g < groups; ++g)
              for (index_t i = 0; i < group; ++i)
                for (index_t j = 0; j < cols; ++j) {
                  double& y = expected(g * cols + j, i);
                  y = x(g * group + i, j) + (beta == 0 ? 0 : y);
                }
            framed<B> y(before);
            B::transpose_groups(y.view(), static_cast<typename B::scalar>(beta), framed<B>(x).in(), group);
            REQUIRE(difference(y.inner(), expected) < tolerance<B>);
            REQUIRE(y.border_untouched());
          }
  });
  matrix<B> nothing(0, 4);
  B::transpose_groups(nothing.view(), 0, put<B>(table(0, 3)).view(), 4);
  CHECK(nothing.empty());
}

TEST_CASE_TEMPLATE("backend/sequences: means of what came before, and their gradient", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t sequence : {1, 4, 90})
      for (index_t sequences : {1, 3})
        for (index_t cols : {1, 7, 40, 133})
          for (double beta : {0.0, 1.0}) {
            CAPTURE(sequence);
            CAPTURE(sequences);
            CAPTURE(cols);
            CAPTURE(beta);
            const index_t rows = sequences * sequence;
            const table x = random_table(rows, cols, 1);
            const table before = beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, 2);
            table means = before, gradient = before;
            for (index_t i = 0; i < rows; ++i)
              for (index_t j = 0; j < cols; ++j) {
                const index_t first = i / sequence * sequence;
                double sum = 0, behind = 0;
                for (index_t k = first; k <= i; ++k) sum += x(k, j);
                for (index_t k = i; k < first + sequence; ++k) behind += x(k, j) / static_cast<double>(k - first + 1);
                means(i, j) = sum / static_cast<double>(i - first + 1) + (beta == 0 ? 0 : before(i, j));
                gradient(i, j) = behind + (beta == 0 ? 0 : before(i, j));
              }
            const framed<B> from(x);
            framed<B> y(before), dx(before);
            B::prefix_means(y.view(), static_cast<typename B::scalar>(beta), from.in(), sequence);
            B::prefix_means_backward(dx.view(), static_cast<typename B::scalar>(beta), from.in(), sequence);
            REQUIRE(difference(y.inner(), means) < tolerance<B>);
            REQUIRE(difference(dx.inner(), gradient) < tolerance<B>);
            REQUIRE(y.border_untouched());
            REQUIRE(dx.border_untouched());
          }
  });
}

TEST_CASE_TEMPLATE("backend/sequences: a NaN is not known before it is read", B, GMOE_TEST_BACKENDS) {
  table x = random_table(6, 2, 1);
  x(1, 0) = not_a_number;
  matrix<B> y(6, 2);
  B::prefix_means(y.view(), 0, put<B>(x).view(), 3);
  const table got = get(y);
  for (index_t i = 0; i < 6; ++i) CHECK(std::isnan(got(i, 0)) == (i == 1 || i == 2));
  for (index_t i = 0; i < 6; ++i) CHECK(std::isfinite(got(i, 1)));
}

TEST_CASE_TEMPLATE("backend/sequences: heads turned by the angles of their positions, also in place", B,
                   GMOE_TEST_BACKENDS) {
  using S = typename B::scalar;
  with_threads<B>([] {
    for (index_t half : {1, 3, 8, 20})
      for (index_t sequence : {1, 7})
        for (double beta : {0.0, 1.0})
          for (double way : {1.0, -1.0}) {
            CAPTURE(half);
            CAPTURE(sequence);
            CAPTURE(beta);
            const index_t rows = 3 * sequence, cols = 4 * half, first = 2;
            const table x = random_table(rows, cols, 1), angles = random_table(first + sequence, 2 * half, 2);
            table before = beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, 3), expected = before;
            for (index_t i = 0; i < rows; ++i)
              for (index_t head = 0; head < cols; head += 2 * half)
                for (index_t j = 0; j < half; ++j) {
                  const index_t place = first + i % sequence;
                  const double a = x(i, head + j), b = x(i, head + half + j), cos = angles(place, j),
                               sin = way * angles(place, half + j);
                  double &one = expected(i, head + j), &two = expected(i, head + half + j);
                  one = a * cos - b * sin + (beta == 0 ? 0 : one);
                  two = b * cos + a * sin + (beta == 0 ? 0 : two);
                }
            framed<B> y(before);
            const matrix<B> m = put<B>(angles);
            B::rotate(y.view(), static_cast<S>(beta), framed<B>(x).in(), m.view(), sequence, first,
                      static_cast<S>(way));
            REQUIRE(difference(y.inner(), expected) < tolerance<B>);
            REQUIRE(y.border_untouched());
            if (beta == 0) {
              framed<B> in_place(x);
              B::rotate(in_place.view(), S(0), std::as_const(in_place).view(), m.view(), sequence, first,
                        static_cast<S>(way));
              REQUIRE(difference(in_place.inner(), expected) < tolerance<B>);
            }
          }
  });
}
