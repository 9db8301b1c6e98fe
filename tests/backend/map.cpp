#include <doctest/doctest.h>

#include "backends.hpp"
#include "gmoe/core/functions.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

// Below, at and above the lengths of vector registers, and long enough for a second thread.
constexpr index_t widths[] = {1, 3, 4, 7, 8, 9, 16, 31, 33};

struct times_add {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b, const T& c) const {
    return a * b + c;
  }
};
struct difference_of {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return a - b;
  }
};
template <class F>
struct value_of {
  template <class T>
  GMOE_HD T operator()(const T& x) const {
    return F{}.value(x);
  }
};
template <class F>
struct slope_of {
  template <class T>
  GMOE_HD T operator()(const T& x, const T& y) const {
    return F{}.slope(x, y);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("backend/map: every element of matrices and of sub-blocks", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : widths)
      for (index_t rows : {index_t{0}, index_t{1}, index_t{5}, 40000 / cols}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const table a = random_table(rows, cols, 1), b = random_table(rows, cols, 2), c = random_table(rows, cols, 3);
        const table before = random_table(rows, cols, 4);
        const table expected = each([](double u, double v, double w) { return u * v + w; }, a, b, c);
        const table added = each([](double u, double v) { return u + v; }, expected, before);
        const matrix<B> ma = put<B>(a), mb = put<B>(b), mc = put<B>(c);

        matrix<B> y = put<B>(table(rows, cols, not_a_number));
        B::map(y.view(), 0, times_add{}, ma.view(), mb.view(), mc.view());
        REQUIRE(difference(get(y), expected) < tolerance<B>);
        y = put<B>(before);
        B::map(y.view(), 1, times_add{}, ma.view(), mb.view(), mc.view());
        REQUIRE(difference(get(y), added) < tolerance<B>);

        const framed<B> fa(a);
        framed<B> fy(before);
        B::map(fy.view(), 1, times_add{}, fa.in(), mb.view(), mc.view());
        REQUIRE(difference(fy.inner(), added) < tolerance<B>);
        REQUIRE(fy.border_untouched());
        matrix<B> dense(rows, cols);  // a contiguous result of a sub-block
        B::map(dense.view(), 0, times_add{}, fa.in(), mb.view(), mc.view());
        REQUIRE(difference(get(dense), expected) < tolerance<B>);
      }
  });
}

TEST_CASE_TEMPLATE("backend/map: the result may be an operand", B, GMOE_TEST_BACKENDS) {
  const table a = random_table(7, 9, 1), b = random_table(7, 9, 2);
  matrix<B> y = put<B>(a);
  B::map(y.view(), 0, difference_of{}, put<B>(b).view(), std::as_const(y).view());
  CHECK(difference(get(y), each([](double u, double v) { return v - u; }, a, b)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("backend/map: a row repeated over the rows, a column over the columns", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : widths)
      for (index_t rows : {index_t{1}, index_t{6}, 20000 / cols}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const table x = random_table(rows, cols, 1), v = random_table(1, cols, 2), c = random_table(rows, 1, 3);
        const table before = random_table(rows, cols, 4);
        for (double beta : {0.0, 1.0}) {
          table with_row(rows, cols), with_col(rows, cols);
          for (index_t i = 0; i < rows; ++i)
            for (index_t j = 0; j < cols; ++j) {
              with_row(i, j) = x(i, j) - v(0, j) + beta * before(i, j);
              with_col(i, j) = x(i, j) - c(i, 0) + beta * before(i, j);
            }
          const table start = beta == 0 ? table(rows, cols, not_a_number) : before;
          const framed<B> fx(x), fv(v), fc(c);
          framed<B> y(start);
          B::map_with_row(y.view(), static_cast<typename B::scalar>(beta), difference_of{}, fx.in(), fv.in());
          REQUIRE(difference(y.inner(), with_row) < tolerance<B>);
          REQUIRE(y.border_untouched());
          framed<B> z(start);
          B::map_with_col(z.view(), static_cast<typename B::scalar>(beta), difference_of{}, fx.in(), fc.in());
          REQUIRE(difference(z.inner(), with_col) < tolerance<B>);
          REQUIRE(z.border_untouched());
        }
      }
  });
}

TEST_CASE_TEMPLATE("backend/map: the formulas of core/functions.hpp", B, GMOE_TEST_BACKENDS) {
  const table x = random_table(9, 31, 5, -4, 4);
  const matrix<B> mx = put<B>(x);
  const auto check = [&](auto f, const char* name, auto reference, const table& at) {
    CAPTURE(name);
    using F = decltype(f);
    const matrix<B> in = put<B>(at);
    matrix<B> y(at.rows, at.cols), slope(at.rows, at.cols);
    B::map(y.view(), 0, value_of<F>{}, in.view());
    CHECK(difference(get(y), each(reference, at)) < tolerance<B>);
    B::map(slope.view(), 0, slope_of<F>{}, in.view(), std::as_const(y).view());
    const table numeric = each(
        [&](double v) {
          const double h = 1e-3;
          return (8 * (reference(v + h) - reference(v - h)) - (reference(v + 2 * h) - reference(v - 2 * h))) / (12 * h);
        },
        at);
    CHECK(difference(get(slope), numeric) < std::max(1e-9, tolerance<B>));
  };
  table positive = x, off_kink = x;
  for (double& v : positive.values) v = std::abs(v) + 0.25;
  for (double& v : off_kink.values) v += v < 0 ? -0.125 : 0.125;
  check(
      fn::identity{}, "identity", [](double v) { return v; }, x);
  check(
      fn::relu{}, "relu", [](double v) { return v > 0 ? v : 0; }, off_kink);
  check(
      fn::logistic{}, "logistic", [](double v) { return sigmoid(v); }, x);
  check(
      fn::hyperbolic_tangent{}, "tanh", [](double v) { return std::tanh(v); }, x);
  check(
      fn::silu{}, "silu", [](double v) { return v * sigmoid(v); }, x);
  check(
      fn::gelu{}, "gelu", [](double v) { return gelu(v); }, x);
  check(
      fn::exponential{}, "exp", [](double v) { return std::exp(v); }, x);
  check(
      fn::natural_log{}, "log", [](double v) { return std::log(v); }, positive);
  check(
      fn::square{}, "square", [](double v) { return v * v; }, x);
}

TEST_CASE_TEMPLATE("backend/map: relu's slope is 0 at 0, and NaN is not hidden by an activation", B,
                   GMOE_TEST_BACKENDS) {
  const matrix<B> x = put<B>(table(1, 3, {0.0, -0.0, not_a_number}));
  matrix<B> y(1, 3);
  B::map(y.view(), 0, slope_of<fn::relu>{}, x.view(), x.view());
  CHECK(get(y)(0, 0) == 0);
  CHECK(get(y)(0, 1) == 0);
  for (int repeat : {1, 20}) {  // in the tail of a register, and in a full one
    const matrix<B> all = put<B>(table(1, repeat, not_a_number));
    matrix<B> z(1, repeat);
    const auto all_nan = [&] {
      const table t = get(z);
      return std::all_of(t.values.begin(), t.values.end(), [](double v) { return std::isnan(v); });
    };
    B::map(z.view(), 0, value_of<fn::gelu>{}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, value_of<fn::logistic>{}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, value_of<fn::exponential>{}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, value_of<fn::relu>{}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, value_of<fn::softplus>{}, all.view());
    CHECK(all_nan());
    using S = typename B::scalar;
    const matrix<B> ones = put<B>(table(1, repeat, 1));
    B::map(z.view(), 0, fn::value_of<fn::clamp<S>>{{S(-1), S(1)}}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, fn::value_of<fn::smooth_step<S>>{{S(2)}}, all.view());
    CHECK(all_nan());
    B::map(z.view(), 0, fn::slope_of<fn::smooth_step<S>>{{S(2)}}, ones.view(), all.view(), all.view());
    CHECK(all_nan());
    B::map_with_row(z.view(), 0, fn::entmax_input{}, all.view(), ones.view());
    CHECK(all_nan());
  }
}
