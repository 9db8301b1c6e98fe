#include "gmoe/moe/candidates/best_groups.hpp"

#include <doctest/doctest.h>

#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/candidates/best_groups: the experts of a token's groups, whose scores are noted", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l = shape_of(pool_of({0, 1, 2, 3, 4, 5}, {2, 2, 2, 2, 2, 2}));
  l.d_model = 2;
  l.groups = 3;
  policy_alone<B, best_groups> candidates({.groups = 2}, {l});
  CHECK(candidates.parameters() == "own.0.centroids 3x2, ");
  candidates.mine().layer.centroids.value() = put<B>(table(3, 2, {1, 0, 0, 1, 0, 0}));
  routing<B> r = routing_of<B>(table(2, 6, 0.1), {0, 1});
  r.input = variable<B>(put<B>(table(2, 2, {2, -1, -1, -1})));
  const auto mask = candidates.ask(hooks::mask{}, context<B>{}, r).to_host();
  // Affinities 2, -1, 0, then -1, -1, 0: the lower of equal groups.
  const std::vector<typename B::scalar> expected{1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1};
  CHECK(mask == expected);
  const auto scores = r.noted("group_scores").value().to_host();
  const double sum = std::exp(2.0) + std::exp(-1.0) + 1;
  CHECK(static_cast<double>(scores[0]) == doctest::Approx(std::exp(2.0) / sum).epsilon(1e-6));
  CHECK(static_cast<double>(scores[2]) == doctest::Approx(1 / sum).epsilon(1e-6));
  CHECK(refusal([&] { policy_alone<B, best_groups>({.groups = 4}, {l}); }) ==
        "candidates.groups = 4 of the pool's 3 groups");
}
