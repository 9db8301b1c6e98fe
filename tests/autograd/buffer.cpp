#include "gmoe/autograd/buffer.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("autograd/buffer: a name and a matrix", B, GMOE_TEST_BACKENDS) {
  CHECK(buffer<B>().value().empty());
  buffer<B> bias("select.bias", put<B>(random_table(2, 3, 1)));
  CHECK(bias.name() == "select.bias");
  CHECK(bias.choices() == 0);
  CHECK(get(bias.value()).values == random_table(2, 3, 1).values);
  bias.value() = put<B>(table(2, 3, 0.5));
  const buffer<B> moved = std::move(bias);
  CHECK(moved.name() == "select.bias");
  CHECK(get(moved.value()).values == std::vector<double>(6, 0.5));
}

TEST_CASE("autograd/buffer: numbers from a file must be choices where it holds choices") {
  using B = GMOE_TEST_BACKEND<float>;
  const buffer<B> bucket("router.bucket", matrix<B>(5, 1), 3);
  CHECK(bucket.choices() == 3);
  const auto told = [](const buffer<B>& b, auto bad) {
    const std::vector<decltype(bad)> values{0, 1, bad, 2, 0};
    try {
      b.check(std::span(values));
    } catch (const data_error& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  CHECK(told(bucket, 2.0f) == "nothing");
  CHECK(told(bucket, 2.0) == "nothing");
  for (const auto& [value, text] : {std::pair{-5.0f, "-5"}, {3.0f, "3"}, {1e9f, "1e+09"}, {0.5f, "0.5"}})
    CHECK(told(bucket, value) ==
          "router.bucket: entry 2 is " + std::string(text) + ", expected a whole number from 0 to 2");
  CHECK(told(bucket, std::numeric_limits<float>::quiet_NaN()).find("entry 2 is nan") != std::string::npos);
  CHECK(told(bucket, std::numeric_limits<float>::infinity()).find("entry 2 is inf") != std::string::npos);
  CHECK(told(buffer<B>("bias", matrix<B>(5, 1)), -5.0f) == "nothing");
}
