#include "gmoe/nn/layer_norm.hpp"

#include <doctest/doctest.h>

#include "nn/modules.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("nn/layer_norm: gain 1 and bias 0 at first, then learned", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto module = nn::layer_norm<B>::make(builder<B>(1).scope("ln_1"), 6, 1e-5);
  CHECK(names_of<B>(module) == std::vector<std::string>{"ln_1.weight", "ln_1.bias"});
  const table x = random_table(3, 6, 1, -1, 2);
  const auto run = [&](const context<B>& ctx, const variable<B>& v) { return module(ctx, v); };
  CHECK(difference(get(run({}, variable<B>(put<B>(x))).value()),
                   gmoe_test::layer_norm(x, table(1, 6, 1), table(1, 6), 1e-5)) < 1e-12);
  scramble<B>(module);
  CHECK(difference(get(run({}, variable<B>(put<B>(x))).value()),
                   gmoe_test::layer_norm(x, get(module.gain.value()), get(module.bias.value()), 1e-5)) < 1e-12);
  check_module_gradients<B>(module, x, run);
}
