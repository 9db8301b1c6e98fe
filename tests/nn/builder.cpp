#include "gmoe/nn/builder.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

struct moments {
  double mean = 0, deviation = 0, largest = 0;
  explicit moments(const table& t) {
    const double n = static_cast<double>(t.values.size());
    for (double v : t.values) mean += v / n;
    for (double v : t.values) {
      deviation += (v - mean) * (v - mean) / n;
      largest = std::max(largest, std::abs(v));
    }
    deviation = std::sqrt(deviation);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("nn/builder: names nest by scope", B, GMOE_TEST_BACKENDS) {
  const builder<B> make(1);
  CHECK(make.constant("wte", 1, 1, 0).name() == "wte");
  const builder<B> block = make.scope("h", 3);
  CHECK(block.scope("attn").normal("weight", 1, 1, 1).name() == "h.3.attn.weight");
  CHECK(block.orthogonal("w", 2, 1).name() == "h.3.w");
  CHECK(make.constant("wte", 1, 1, 0).name() == "wte");  // a scope changes nothing outside
}

TEST_CASE_TEMPLATE("nn/builder: initial values have the mean, deviation and bounds that they should", B,
                   GMOE_TEST_BACKENDS) {
  const builder<B> make(42);
  const index_t rows = 200, cols = 150;
  const double n = static_cast<double>(rows * cols);
  const moments normal(get(make.normal("n", rows, cols, 0.02).value()));
  CHECK(std::abs(normal.mean) < 4 * 0.02 / std::sqrt(n));
  CHECK(normal.deviation == doctest::Approx(0.02).epsilon(0.02));
  CHECK(normal.largest > 3 * 0.02);
  CHECK(normal.largest < 6 * 0.02);

  const auto check_uniform = [&](parameter<B> p, double limit) {
    const moments m(get(p.value()));
    CHECK(std::abs(m.mean) < 4 * limit / std::sqrt(3 * n));
    CHECK(m.deviation == doctest::Approx(limit / std::sqrt(3)).epsilon(0.02));
    CHECK(m.largest <= limit * (1 + 1e-6));
    CHECK(m.largest > 0.999 * limit);
  };
  check_uniform(make.uniform("u", rows, cols, 0.3), 0.3);
  check_uniform(make.linear("l", rows, cols), 1 / std::sqrt(150.0));
  check_uniform(make.xavier_uniform("x", rows, cols), std::sqrt(6.0 / 350.0));

  CHECK(get(make.constant("c", 2, 3, 0.5).value()).values == std::vector<double>(6, 0.5));
}

TEST_CASE_TEMPLATE("nn/builder: orthogonal matrices have orthonormal columns", B, GMOE_TEST_BACKENDS) {
  const builder<B> make(42);
  for (const auto& [rows, cols] : {std::pair<index_t, index_t>{1, 1}, {5, 5}, {48, 16}, {96, 32}}) {
    const table w = get(make.orthogonal("w", rows, cols).value());
    table identity(cols, cols);
    for (index_t j = 0; j < cols; ++j) identity(j, j) = 1;
    CHECK(difference(product(transposed(w), w), identity) < tolerance<B>);
  }
  // Where rows are fewer they are; a gain is their length.
  const table wide = get(make.orthogonal("w", 2, 3, 0.5).value());
  table quarter(2, 2);
  quarter(0, 0) = quarter(1, 1) = 0.25;
  CHECK(difference(product(wide, transposed(wide)), quarter) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/builder: a parameter depends on the seed and on its full name, and on nothing else", B,
                   GMOE_TEST_BACKENDS) {
  const auto values = [](std::uint64_t seed, const char* scope, const char* name) {
    return get(builder<B>(seed).scope(scope).normal(name, 3, 4, 1).value()).values;
  };
  CHECK(values(1, "a", "b") == values(1, "a", "b"));
  CHECK(values(1, "a", "b") != values(2, "a", "b"));
  CHECK(values(1, "a", "b") != values(1, "a", "c"));
  CHECK(values(1, "a", "b") != values(1, "c", "b"));
  const builder<B> make(1);
  make.normal("something else first", 5, 5, 1);
  CHECK(get(make.scope("a").normal("b", 3, 4, 1).value()).values == values(1, "a", "b"));
}

TEST_CASE_TEMPLATE("nn/builder: buffers and tables", B, GMOE_TEST_BACKENDS) {
  const builder<B> make = builder<B>(1).scope("router");
  const buffer<B> bias = make.constant_buffer("bias", 2, 3, 0.5);
  CHECK(bias.name() == "router.bias");
  CHECK(bias.choices() == 0);
  CHECK(bias.value().rows() == 2);
  CHECK(get(bias.value()).values == std::vector<double>(6, 0.5));
  const buffer<B> bucket = make.table("bucket", 5, 3, [](index_t i) { return i % 3; });
  CHECK(bucket.name() == "router.bucket");
  CHECK(bucket.choices() == 3);
  CHECK(bucket.value().cols() == 1);
  CHECK(get(bucket.value()).values == std::vector<double>{0, 1, 2, 0, 1});
  const builder<B> counting(1, build_mode::shapes_only);
  CHECK(counting.constant_buffer("bias", 1 << 20, 1 << 20, 0).value().empty());
  const buffer<B> counted = counting.table("bucket", 1 << 30, 3, [](index_t) -> index_t { throw "asked"; });
  CHECK(counted.value().empty());
  CHECK(counted.choices() == 3);
}

TEST_CASE_TEMPLATE("nn/builder: shapes only", B, GMOE_TEST_BACKENDS) {
  const builder<B> make(1, build_mode::shapes_only);
  const auto check = [](const parameter<B>& p) {
    CHECK(p.name() == "s.p");
    CHECK(p.size() == index_t{1} << 40);
    CHECK(p.value().empty());
  };
  check(make.scope("s").normal("p", 1 << 20, 1 << 20, 1));
  check(make.scope("s").orthogonal("p", 1 << 20, 1 << 20));
}
