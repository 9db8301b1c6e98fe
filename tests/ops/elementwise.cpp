#include "gmoe/ops/elementwise.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Numbers away from 0, where relu has its kink.
table off_zero(index_t rows, index_t cols, std::uint64_t seed) {
  table t = random_table(rows, cols, seed, -2, 2);
  for (double& v : t.values) v += v < 0 ? -0.25 : 0.25;
  return t;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/elementwise: functions of one matrix, and their gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto check = [](const char* name, const operation<B>& f, double (*reference)(double), const table& x) {
    CAPTURE(name);
    CHECK(difference(evaluate<B>(f, {x}), each(reference, x)) < 1e-13);
    CHECK(gradient_error<B>(f, {x}) < 1e-8);
  };
  const table x = off_zero(3, 5, 1);
  table positive = x;
  for (double& v : positive.values) v = std::abs(v);
  check(
      "relu", [](const inputs<B>& in) { return relu(in[0]); }, [](double v) { return v > 0 ? v : 0; }, x);
  check(
      "gelu", [](const inputs<B>& in) { return gmoe::gelu(in[0]); }, gmoe_test::gelu, x);
  check(
      "silu", [](const inputs<B>& in) { return silu(in[0]); }, [](double v) { return v * gmoe_test::sigmoid(v); }, x);
  check(
      "sigmoid", [](const inputs<B>& in) { return gmoe::sigmoid(in[0]); }, gmoe_test::sigmoid, x);
  check(
      "tanh", [](const inputs<B>& in) { return gmoe::tanh(in[0]); }, [](double v) { return std::tanh(v); }, x);
  check(
      "exp", [](const inputs<B>& in) { return gmoe::exp(in[0]); }, [](double v) { return std::exp(v); }, x);
  check(
      "log", [](const inputs<B>& in) { return gmoe::log(in[0]); }, [](double v) { return std::log(v); }, positive);
  check(
      "square", [](const inputs<B>& in) { return square(in[0]); }, [](double v) { return v * v; }, x);
  check(
      "scale", [](const inputs<B>& in) { return scale(in[0], -2.5); }, [](double v) { return -2.5 * v; }, x);
  check(
      "softplus", [](const inputs<B>& in) { return softplus(in[0]); }, [](double v) { return std::log1p(std::exp(v)); },
      x);
  check(
      "sqrt", [](const inputs<B>& in) { return gmoe::sqrt(in[0]); }, [](double v) { return std::sqrt(v); }, positive);
  check(
      "reciprocal", [](const inputs<B>& in) { return reciprocal(in[0]); }, [](double v) { return 1 / v; }, x);
  check(
      "x log x", [](const inputs<B>& in) { return x_log_x(in[0]); }, [](double v) { return v * std::log(v); },
      positive);
  check(
      "clamp", [](const inputs<B>& in) { return gmoe::clamp(in[0], -1.125, 0.5); },
      [](double v) { return std::min(std::max(v, -1.125), 0.5); }, x);
  check(
      "smooth step", [](const inputs<B>& in) { return smooth_step(in[0], 3); },
      [](double v) { return v <= -1.5  ? 0
                            : v >= 1.5 ? 1
                                       : -2 / 27.0 * v * v * v + 0.5 * v + 0.5; }, x);
  check(
      "normal cdf", [](const inputs<B>& in) { return normal_cdf(in[0]); },
      [](double v) { return 0.5 + 0.5 * std::erf(v / std::sqrt(2.0)); }, x);
}

TEST_CASE_TEMPLATE("ops/elementwise: at the ends of what a formula is for", B, GMOE_TEST_BACKENDS) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto at = [](const auto& f, const table& x) {
    parameter<B> p("x", put<B>(x));
    tape<B> t;
    const variable<B> y = f(variable<B>(p, &t));
    t.backward(sum(y));
    return std::pair(get(y.value()).values, get(p.gradient()).values);
  };
  const auto [plus, plus_slope] = at([](const auto& x) { return softplus(x); }, table(1, 3, {-200, 200, 0}));
  CHECK(plus[0] >= 0);
  CHECK(plus[0] < 1e-30);
  CHECK(plus[1] == 200);
  CHECK(plus_slope[1] == 1);
  CHECK(plus_slope[2] == 0.5);
  const auto [entropy, entropy_slope] = at([](const auto& x) { return x_log_x(x); }, table(1, 2, {0, 1}));
  CHECK(entropy == std::vector<double>{0, 0});
  CHECK(std::isfinite(entropy_slope[0]));
  CHECK(entropy_slope[1] == 1);
  const auto [smooth, smooth_slope] =
      at([](const auto& x) { return smooth_step(x, 0.5); }, table(1, 5, {-inf, -0.25, 0, 0.25, inf}));
  CHECK(smooth == std::vector<double>{0, 0, 0.5, 1, 1});
  CHECK(smooth_slope == std::vector<double>{0, 0, 3, 0, 0});
  const auto [gate, gate_slope] = at([](const auto& x) { return open_gate(x); }, table(1, 4, {-1, 0, 1e-20, 3}));
  CHECK(gate == std::vector<double>{0, 0, 1, 1});
  CHECK(gate_slope == gate);
  const auto [cdf, cdf_slope] = at([](const auto& x) { return normal_cdf(x); }, table(1, 3, {-6, 0, 9}));
  CHECK(cdf[0] == doctest::Approx(9.865876450376946e-10).epsilon(1e-5));
  CHECK(cdf[1] == 0.5);
  CHECK(cdf[2] == 1);
  CHECK(cdf_slope[1] == doctest::Approx(0.3989422804014327));
}

TEST_CASE_TEMPLATE("ops/elementwise: quotients, and their gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table a = random_table(4, 3, 1), b = off_zero(4, 3, 2);
  const operation<B> f = [](const inputs<B>& in) { return divide(in[0], in[1]); };
  CHECK(difference(evaluate<B>(f, {a, b}), each([](double u, double v) { return u / v; }, a, b)) < 1e-14);
  CHECK(gradient_error<B>(f, {a, b}) < 1e-8);
  CHECK_THROWS_WITH_AS(divide(constant<B>(table(2, 3)), constant<B>(table(3, 2))),
                       "divide: shapes differ, 2 x 3 and 3 x 2", config_error);
  CHECK_THROWS_WITH_AS(gmoe::clamp(constant<B>(a), 2, 1), "clamp: from 2 to 1", config_error);
  CHECK_THROWS_WITH_AS(smooth_step(constant<B>(a), 0), "smooth_step: a width of 0; it must be positive", config_error);
}

TEST_CASE_TEMPLATE("ops/elementwise: sums, differences and products, and their gradients", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table a = random_table(4, 3, 1), b = random_table(4, 3, 2), c = random_table(4, 3, 3);
  const operation<B> two = [](const inputs<B>& in) { return add(in[0], in[1]); };
  const operation<B> three = [](const inputs<B>& in) { return add(in[0], in[1], in[2]); };
  const operation<B> minus = [](const inputs<B>& in) { return subtract(in[0], in[1]); };
  const operation<B> times = [](const inputs<B>& in) { return multiply(in[0], in[1]); };
  CHECK(difference(evaluate<B>(two, {a, b}), each([](double u, double v) { return u + v; }, a, b)) < 1e-14);
  CHECK(difference(evaluate<B>(three, {a, b, c}),
                   each([](double u, double v, double w) { return u + v + w; }, a, b, c)) < 1e-14);
  CHECK(difference(evaluate<B>(minus, {a, b}), each([](double u, double v) { return u - v; }, a, b)) < 1e-14);
  CHECK(difference(evaluate<B>(times, {a, b}), each([](double u, double v) { return u * v; }, a, b)) < 1e-14);
  CHECK(gradient_error<B>(two, {a, b}) < 1e-8);
  CHECK(gradient_error<B>(three, {a, b, c}) < 1e-8);
  CHECK(gradient_error<B>(minus, {a, b}) < 1e-8);
  CHECK(gradient_error<B>(times, {a, b}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/elementwise: the same matrix twice", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table a = random_table(4, 3, 1);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return add(in[0], in[0]); }, {a}) < 1e-8);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return add(in[0], in[0], in[0]); }, {a}) < 1e-8);
  CHECK(gradient_error<B>([](const inputs<B>& in) { return multiply(in[0], in[0]); }, {a}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/elementwise: shapes must agree", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const variable<B> a = constant<B>(table(2, 3)), b = constant<B>(table(3, 2));
  CHECK_THROWS_WITH_AS(add(a, b), "add: shapes differ, 2 x 3 and 3 x 2", config_error);
  CHECK_THROWS_AS(add(a, a, b), config_error);
  CHECK_THROWS_WITH_AS(multiply(a, b), "multiply: shapes differ, 2 x 3 and 3 x 2", config_error);
}
