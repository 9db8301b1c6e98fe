#include "gmoe/core/aggregate.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace gmoe;

namespace {

struct none {};
struct one {
  int a = 1;
};
struct mixed {
  int a = 1;
  std::string b = "two";
  std::vector<double> c{3};
  std::optional<int> d{};
  std::unique_ptr<int> e{};
};
struct inner {
  double x = 0.5, y = 0.25;
};
struct outer {
  inner first;
  int then = 3;
  none last;
};
struct derived : one {
  int b = 2;
};
/// It has no default.
struct counted {
  explicit counted(int v) : value(v) {}
  int value;
};
struct holder {
  counted first, second;
  int third = 3;
};
struct with_static {
  static constexpr int k = 3;
  int a = 1;
};
struct twelve {
  int a = 0, b = 1, c = 2, d = 3, e = 4, f = 5, g = 6, h = 7, i = 8, j = 9, k = 10, l = 11;
};

static_assert(element_count<none> == 0);
static_assert(element_count<one> == 1);
static_assert(element_count<mixed> == 5);
static_assert(element_count<outer> == 3);
static_assert(element_count<derived> == 2);  // a base counts as one
static_assert(element_count<holder> == 3);
static_assert(element_count<with_static> == 1);
static_assert(element_count<twelve> == 12);

}  // namespace

TEST_CASE("core/aggregate: every member in order") {
  int sum = 0, position = 0;
  twelve t;
  each_element(t, [&](int& v) {
    CHECK(v == position++);
    sum += v;
    v = 0;
  });
  CHECK(sum == 66);
  CHECK(t.l == 0);

  mixed m{.a = 5};
  int members = 0;
  each_element(m, [&]<class T>(T& v) {
    ++members;
    if constexpr (std::is_same_v<T, std::string>) v += "!";
  });
  CHECK(members == 5);
  CHECK(m.b == "two!");
  each_element(std::as_const(m), [&]<class T>(T&) { CHECK(std::is_const_v<T>); });
  none n;
  each_element(n, [](auto&) { FAIL("there is nothing"); });
}
