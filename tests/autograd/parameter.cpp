#include "gmoe/autograd/parameter.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("autograd/parameter: name, value, and a gradient made of zeros when first asked for", B,
                   GMOE_TEST_BACKENDS) {
  parameter<B> p("wte", put<B>(random_table(3, 4, 1)));
  CHECK(p.name() == "wte");
  CHECK(p.rows() == 3);
  CHECK(p.cols() == 4);
  CHECK(p.size() == 12);
  CHECK_FALSE(p.has_gradient());
  CHECK(get(p.gradient()).values == std::vector<double>(12, 0.0));
  CHECK(p.has_gradient());
  B::fill(p.gradient().view(), typename B::scalar(2));
  CHECK(get(p.gradient()).values == std::vector<double>(12, 2.0));

  parameter<B> moved = std::move(p);
  CHECK(moved.name() == "wte");
  CHECK(moved.value().rows() == 3);
  CHECK(get(moved.gradient()).values == std::vector<double>(12, 2.0));

  auto& memory = pool<typename B::memory>::instance();
  const std::size_t before = memory.statistics().in_use;
  moved.forget_gradient();
  CHECK_FALSE(moved.has_gradient());
  CHECK(memory.statistics().in_use < before);
  CHECK(get(moved.gradient()).values == std::vector<double>(12, 0.0));
}

TEST_CASE_TEMPLATE("autograd/parameter: a shape alone takes no memory", B, GMOE_TEST_BACKENDS) {
  const parameter<B> p("big", 1 << 20, 1 << 20);
  CHECK(p.size() == index_t{1} << 40);
  CHECK(p.value().empty());
}

TEST_CASE_TEMPLATE("autograd/parameter: one that is not trained gets no gradient", B, GMOE_TEST_BACKENDS) {
  parameter<B> p("w", put<B>(random_table(1, 1, 1)));
  CHECK(p.trained());
  p.set_trained(false);
  tape<B> t;
  CHECK_FALSE(variable<B>(p, &t).needs_gradient());
  p.set_trained(true);
  CHECK(variable<B>(p, &t).needs_gradient());
}
