#include "gmoe/moe/router/tree_router.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

layer_shape trees_over(index_t experts) {
  layer_shape l;
  l.d_model = 2;
  l.experts = experts;
  l.moe_layers = 4;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/router/tree_router: a tree of three leaves by hand, and the loss of its entropy", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, tree_router> router({.trees = 1, .softness = 2, .entropy = 0.5}, {trees_over(3)});
  CHECK(router.parameters() == "own.0.nodes 2x2, own.0.node_bias 1x2, own.0.leaves 3x2, own.0.leaf_bias 1x3, ");
  auto&& mine = router.mine();
  mine.layer.nodes.value() = put<B>(table(2, 2, {0, 0, 1, 0}));  // the second one looks at x_0
  mine.layer.node_bias.value() = put<B>(table(1, 2, {0, 0}));
  mine.layer.leaves.value() = put<B>(table(3, 2));
  mine.layer.leaf_bias.value() = put<B>(table(1, 3, {0, std::log(2.0), std::log(3.0)}));
  const variable<B> x(put<B>(table(2, 2, {0.5, 9, -3, 9})));
  const table w = get(router.ask(hooks::logits{}, training_context<B>(), x).value());
  // Half go left, to the second node; of those S(0.5) = 0.84375 go left again, or nobody.
  CHECK(difference(w, table(2, 3, {0.421875 / 2.078125, 0.15625 / 2.078125, 1.5 / 2.078125, 0, 0.4, 0.6})) < 1e-6);
  CHECK(w(1, 0) == 0);
  REQUIRE(router.found.losses.size() == 1);
  CHECK(router.found.losses[0].name == "tree_entropy");
  const auto h = [](double p) { return -p * std::log(p); };
  const double mean = (h(0.421875) + h(0.078125) + h(0.5) + 2 * h(0.5)) / 2;
  CHECK(static_cast<double>(router.found.losses[0].value.value().item()) == doctest::Approx(0.5 / 4 * mean));

  router.found = {};
  router.ask(hooks::logits{}, context<B>{}, x);
  CHECK(router.found.losses.empty());  // not in evaluation
}

TEST_CASE_TEMPLATE("moe/router/tree_router: it begins with everybody, and one expert needs no tree", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const variable<B> x(put<B>(random_table(5, 2, 1)));
  policy_alone<B, tree_router> many({.trees = 3}, {trees_over(8)});
  for (const double w : get(many.ask(hooks::logits{}, context<B>{}, x).value()).values)
    CHECK(w == doctest::Approx(1.0 / 8).epsilon(0.3));
  policy_alone<B, tree_router> one({.trees = 3}, {trees_over(1)});
  CHECK(difference(get(one.ask(hooks::logits{}, training_context<B>(), x).value()), table(5, 1, {1, 1, 1, 1, 1})) <
        1e-6);
  CHECK(one.found.losses.empty());
  CHECK(tree_router{.trees = 3}.experts_per_token(trees_over(8)) == 3);
  CHECK(tree_router{.trees = 3}.experts_per_token(trees_over(2)) == 2);
}
