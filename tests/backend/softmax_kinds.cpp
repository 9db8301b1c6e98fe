#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

table log_sum_exp(const table& x) {
  table y(x.rows, 1);
  for (index_t i = 0; i < x.rows; ++i) {
    double top = -infinite, sum = 0;
    for (index_t j = 0; j < x.cols; ++j) top = std::max(top, x(i, j));
    for (index_t j = 0; j < x.cols; ++j) sum += std::exp(x(i, j) - top);
    y(i, 0) = top + std::log(sum);
  }
  return y;
}

/// By sorting: the largest support for which the quadratic has a root below its smallest member.
table entmax(const table& x) {
  table y(x.rows, x.cols);
  for (index_t i = 0; i < x.rows; ++i) {
    std::vector<double> z;
    for (index_t j = 0; j < x.cols; ++j) z.push_back(x(i, j) / 2);
    std::sort(z.rbegin(), z.rend());
    double tau = 0;
    for (std::size_t k = 1; k <= z.size(); ++k) {
      double mean = 0, squares = 0;
      for (std::size_t j = 0; j < k; ++j) mean += z[j] / static_cast<double>(k);
      for (std::size_t j = 0; j < k; ++j) squares += (z[j] - mean) * (z[j] - mean);
      if (squares > 1) break;
      const double root = mean - std::sqrt((1 - squares) / static_cast<double>(k));
      if (root > z[k - 1]) break;
      tau = root;
    }
    for (index_t j = 0; j < x.cols; ++j) y(i, j) = std::pow(std::max(x(i, j) / 2 - tau, 0.0), 2);
  }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("backend/softmax_kinds: log of the sum of exponentials", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 2, 5, 16, 19, 700})
      for (index_t rows : {index_t{1}, index_t{7}, many_rows(8000 / cols)}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const table x = random_table(rows, cols, 1, -5, 5);
        framed<B> y(table(rows, 1, not_a_number));
        B::log_sum_exp_rows(y.view(), framed<B>(x).in());
        REQUIRE(difference(y.inner(), log_sum_exp(x)) < tolerance<B>);
        REQUIRE(y.border_untouched());
      }
  });
  const table edges(6, 3,
                    {1e4, 1e4, -1e4,                      //
                     -infinite, -infinite, -infinite,     //
                     -infinite, 2, -infinite,             //
                     infinite, 1, 2,                      //
                     -infinite, not_a_number, -infinite,  //
                     1, 2, not_a_number});
  matrix<B> y(6, 1), none(2, 1);
  B::log_sum_exp_rows(y.view(), put<B>(edges).view());
  const table got = get(y);
  CHECK(got(0, 0) == doctest::Approx(1e4 + std::log(2.0)));
  CHECK(got(1, 0) == -infinite);
  CHECK(got(2, 0) == doctest::Approx(2));
  CHECK(got(3, 0) == infinite);
  CHECK(std::isnan(got(4, 0)));
  CHECK(std::isnan(got(5, 0)));
  B::log_sum_exp_rows(none.view(), put<B>(table(2, 0)).view());
  CHECK(get(none).values == std::vector<double>(2, -infinite));
}

TEST_CASE_TEMPLATE("backend/softmax_kinds: softmax over the visible columns", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 2, 5, 19, 300})
      for (index_t rows : {index_t{1}, many_rows(40)})
        for (bool one_mask : {true, false}) {
          CAPTURE(rows);
          CAPTURE(cols);
          CAPTURE(one_mask);
          table x = random_table(rows, cols, 1, -5, 5), mask = random_table(one_mask ? 1 : rows, cols, 2);
          for (double& v : mask.values) v = v > 0;
          table expected(rows, cols);
          for (index_t i = 0; i < rows; ++i) {
            double sum = 0;
            for (index_t j = 0; j < cols; ++j) {
              if (mask(one_mask ? 0 : i, j) > 0)
                sum += expected(i, j) = std::exp(x(i, j));
              else
                x(i, j) = j % 3 == 0 ? not_a_number : j % 3 == 1 ? infinite : -infinite;
            }
            for (index_t j = 0; j < cols && sum > 0; ++j) expected(i, j) /= sum;
          }
          framed<B> y(table(rows, cols, not_a_number));
          B::masked_softmax_rows(y.view(), framed<B>(x).in(), framed<B>(mask).in());
          REQUIRE(difference(y.inner(), expected) < tolerance<B>);
          REQUIRE(y.border_untouched());
          const table got = y.inner();
          for (index_t i = 0; i < rows; ++i)
            for (index_t j = 0; j < cols; ++j)
              if (!(mask(one_mask ? 0 : i, j) > 0)) REQUIRE(got(i, j) == 0);
        }
  });
  const auto mask = put<B>(table(2, 3, {0, 1, 1, 1, 1, 0}));
  matrix<B> y(2, 3);
  B::masked_softmax_rows(y.view(), put<B>(table(2, 3, {0, 1, not_a_number, 1, 1, 5})).view(), mask.view());
  CHECK(std::isnan(get(y)(0, 1)));  // one that is visible is seen
  CHECK(get(y)(1, 0) == doctest::Approx(0.5));
}

TEST_CASE_TEMPLATE("backend/softmax_kinds: entmax sums to one, with exact zeros", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 2, 5, 16, 19, 300})
      for (index_t rows : {index_t{1}, many_rows(40)})
        for (double range : {0.0, 0.1, 1.0, 8.0}) {
          CAPTURE(rows);
          CAPTURE(cols);
          CAPTURE(range);
          const table x = random_table(rows, cols, 1, -range, range);
          framed<B> y(table(rows, cols, not_a_number));
          B::entmax_rows(y.view(), framed<B>(x).in());
          const table expected = entmax(x);
          REQUIRE(difference(y.inner(), expected) < 10 * tolerance<B>);
          REQUIRE(y.border_untouched());
          const table got = y.inner();
          for (std::size_t i = 0; i < expected.values.size(); ++i)
            if (got.values[i] == 0) REQUIRE(expected.values[i] < 1e-6);
        }
  });
  const table edges(4, 3,
                    {-infinite, 0, 0,  //
                     1e4, 0, 0,        //
                     0.5, 0.5, 0.5,    //
                     0, not_a_number, 1});
  matrix<B> y(4, 3);
  B::entmax_rows(y.view(), put<B>(edges).view());
  const table got = get(y);
  CHECK(got(0, 0) == 0);
  CHECK(got(0, 1) == doctest::Approx(0.5));
  CHECK(got(1, 0) == doctest::Approx(1));
  CHECK(got(1, 1) == 0);
  CHECK(got(2, 2) == doctest::Approx(1 / 3.0));
  CHECK(std::isnan(got(3, 1)));
}
