#include "gmoe/nn/linear.hpp"

#include <doctest/doctest.h>

#include "nn/modules.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("nn/linear: x W + b, and its gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto module = nn::linear<B>::make(builder<B>(1).scope("fc"), 3, 5, 0.02);
  CHECK(names_of<B>(module) == std::vector<std::string>{"fc.weight", "fc.bias"});
  CHECK(module.weight.rows() == 3);
  CHECK(module.weight.cols() == 5);
  CHECK(get(module.bias.value()).values == std::vector<double>(5, 0.0));
  scramble<B>(module);
  const table x = random_table(4, 3, 1), w = get(module.weight.value()), b = get(module.bias.value());
  table y = product(x, w);
  for (index_t i = 0; i < 4; ++i)
    for (index_t j = 0; j < 5; ++j) y(i, j) += b(0, j);
  CHECK(difference(get(module(context<B>{}, variable<B>(put<B>(x))).value()), y) < 1e-13);
  check_module_gradients<B>(module, x, [&](const context<B>& ctx, const variable<B>& v) { return module(ctx, v); });
}
