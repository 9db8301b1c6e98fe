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
