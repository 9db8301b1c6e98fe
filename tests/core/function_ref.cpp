#include "gmoe/core/function_ref.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace {

using gmoe::function_ref;

int call_with_three(function_ref<int(int)> f) { return f(3); }

struct counter {
  int calls = 0;
  void operator()(int by) { calls += by; }
};

TEST_CASE("function_ref: calls what it refers to, which stays where it is") {
  int sum = 10;
  CHECK(call_with_three([&](int x) { return sum += x; }) == 13);
  CHECK(sum == 13);
  counter c;
  const function_ref<void(int)> count = c;
  count(2);
  count(3);
  CHECK(c.calls == 5);
  const auto constant = [](int x) { return x + 1; };
  CHECK(call_with_three(constant) == 4);
}

TEST_CASE("function_ref: arguments and results keep their kind") {
  const auto longer = [](std::string& text) -> std::string& { return text += "!"; };
  const function_ref<std::string&(std::string&)> f = longer;
  std::string text = "yes";
  CHECK(&f(text) == &text);
  CHECK(text == "yes!");
  const auto take = [](std::unique_ptr<int> p) { return *p; };
  const function_ref<int(std::unique_ptr<int>)> g = take;
  CHECK(g(std::make_unique<int>(7)) == 7);
  const function_ref<int(std::unique_ptr<int>)> copy = g;
  CHECK(copy(std::make_unique<int>(8)) == 8);
}

}  // namespace
