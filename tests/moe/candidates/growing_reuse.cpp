#include "gmoe/moe/candidates/growing_reuse.hpp"

#include <doctest/doctest.h>

#include <set>

#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/candidates/growing_reuse: how many are open") {
  const growing_reuse reuse{.start = 3, .end = 7};
  std::vector<index_t> open;
  for (std::int64_t steps = 0; steps < 9; ++steps) open.push_back(reuse.open(steps, 12, 4));
  CHECK(open == std::vector<index_t>{4, 4, 4, 6, 8, 10, 12, 12, 12});
  CHECK(growing_reuse{.start = 2, .end = 2}.open(1, 12, 4) == 4);
  CHECK(growing_reuse{.start = 2, .end = 2}.open(2, 12, 4) == 12);
}

TEST_CASE_TEMPLATE("moe/candidates/growing_reuse: own experts always, others by the draw of the step", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l = shape_of(pool_of({0, 1, 2, 3, 4, 5}, {2, 2, 2, 2, 2, 2}, {0, 0, 1, 1, 2, 2}));
  policy_alone<B, growing_reuse> candidates({.start = 3, .end = 7}, {l, l});
  routing<B> r = routing_of<B>(table(2, 6, 0.1), {0, 1});
  const auto mask = [&](std::int64_t step, std::uint64_t seed, bool training = true) {
    context<B> ctx = training_context<B>(seed);
    ctx.step = step;
    ctx.training = training;
    const auto m = candidates.ask_in(hooks::mask{}, 1, ctx, r).to_host();
    return std::vector<double>(m.begin(), m.end());
  };
  const std::vector<double> own{0, 0, 1, 1, 0, 0};
  CHECK(mask(0, 1) == own);
  CHECK(mask(0, 1, false) == own);
  CHECK(mask(4, 1) == mask(4, 1));  // of every pass of the step
  std::set<std::vector<double>> all;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto m = mask(4, seed);  // t = 5: 2 + 4 * 2 / 4
    REQUIRE(m.size() == 6);
    CHECK(m[2] + m[3] == 2);
    CHECK(m[0] + m[1] + m[4] + m[5] == 2);
    all.insert(m);
  }
  CHECK(all.size() == 6);  // every pair of the four others
  CHECK(mask(4, 1, false).empty());
  CHECK(mask(6, 1).empty());
}

TEST_CASE_TEMPLATE("moe/candidates/growing_reuse: what does not fit", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l = shape_of(pool_of({0, 1}, {2, 2}, {1, 1}));
  CHECK(refusal([&] { policy_alone<B, growing_reuse>({.start = 5, .end = 4}, {l}); }) ==
        "candidates.end = 4 comes before candidates.start = 5");
  CHECK(refusal([&] { policy_alone<B, growing_reuse>({}, {l}); }) ==
        "block 0: growing_reuse begins with the layer's own experts, but the pool says of none that its home is layer "
        "0");
}
