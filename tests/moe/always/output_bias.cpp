#include "gmoe/moe/always/output_bias.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/always/output_bias: the same vector for every token", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.d_model = 2;
  policy_alone<B, output_bias> always({}, {l});
  CHECK(always.parameters() == "own.0.bias 1x2, ");
  CHECK(get<B>(always.mine().layer.bias.value()).values == std::vector<double>{0, 0});
  always.mine().layer.bias.value() = put<B>(table(1, 2, {3, 5}));
  const routing<B> r = routing_of<B>(table(2, 2, 0.5), {0, 1});
  const variable<B> x(put<B>(table(2, 2, {1, 2, 3, 4})));
  CHECK(difference(get<B>(always.ask(hooks::apply{}, context<B>{}, x, r).value()), table(2, 2, {3, 5, 3, 5})) == 0);
}
