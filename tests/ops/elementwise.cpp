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
