#include "gmoe/ops/stop_gradient.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/stop_gradient: the value passes, the gradient does not", B, GMOE_TEST_BACKENDS) {
  const table value = random_table(2, 3, 1);
  parameter<B> p("p", put<B>(value));
  tape<B> t;
  const variable<B> x(p, &t), cut = stop_gradient(x);
  CHECK(get(cut.value()).values == value.values);
  CHECK(cut.recorded_on() == &t);
  t.backward(dot(x, cut));
  CHECK(difference(get(p.gradient()), value) < tolerance<B>);
}

TEST_CASE_TEMPLATE("ops/stop_gradient: one value with the gradient of another", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> hard("hard", put<B>(table(2, 2, {1, 0, 0, 1}))), soft("soft", put<B>(random_table(2, 2, 1)));
  tape<B> t;
  const variable<B> y = straight_through(variable<B>(hard, &t), variable<B>(soft, &t));
  CHECK(get(y.value()).values == std::vector<double>{1, 0, 0, 1});
  const table r = random_table(2, 2, 2);
  t.backward(dot(y, constant<B>(r)));
  CHECK(get(soft.gradient()).values == r.values);
  CHECK(get(hard.gradient()).values == std::vector<double>(4, 0.0));
  CHECK(difference(get(straight_through(constant<B>(r), constant<B>(table(2, 2))).value()), r) == 0);
  CHECK_THROWS_WITH_AS(straight_through(constant<B>(table(2, 3)), constant<B>(table(3, 2))),
                       "straight_through: shapes differ, 2 x 3 and 3 x 2", config_error);
}
