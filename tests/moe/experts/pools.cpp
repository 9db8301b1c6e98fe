// The pools: which experts exist, which a layer sees, how wide they are, and what they tell other policies.
#include <doctest/doctest.h>

#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using gmoe_test::refusal;
using ids = std::vector<id_type>;

TEST_CASE("moe/experts/global_pool: the same experts for all layers") {
  sizes s;
  s.experts = 3;
  const global_pool pool;
  CHECK(pool.total(s, 5) == 3);
  CHECK(pool.visible(s, 0) == ids{0, 1, 2});
  CHECK(pool.visible(s, 4) == ids{0, 1, 2});
}

TEST_CASE("moe/experts/layer_pool: experts of its own for every layer") {
  sizes s;
  s.experts = 3;
  const layer_pool pool;
  CHECK(pool.total(s, 5) == 15);
  CHECK(pool.visible(s, 0) == ids{0, 1, 2});
  CHECK(pool.visible(s, 4) == ids{12, 13, 14});
}

TEST_CASE("moe/experts/fine_grained: parts of another pool's experts") {
  sizes s;
  s.experts = 3;
  s.d_ff = 12;
  const fine_grained<global_pool> halves{.granularity = 2};
  CHECK(halves.total(s, 5) == 6);
  CHECK(halves.visible(s, 4) == ids{0, 1, 2, 3, 4, 5});
  CHECK(halves.width(s, 0) == 6);
  fine_grained<layer_pool> deepseek{.granularity = 2, .shared_experts = 1};
  CHECK(deepseek.total(s, 2) == 10);
  CHECK(deepseek.visible(s, 1) == ids{5, 6, 7, 8, 9});
  CHECK(fine_grained<global_pool>::shared_between_layers);
  CHECK_FALSE(fine_grained<layer_pool>::shared_between_layers);
  layer_shape seen;
  deepseek.publish(seen);
  CHECK(seen.granularity == 2);
  CHECK(seen.shared_experts == 1);
  deepseek.shared_experts = 6;
  CHECK(refusal([&] { deepseek.total(s, 2); }) ==
        "shared_experts = 6 leaves none of granularity * experts = 6 experts to route to");
  CHECK(refusal([&] { fine_grained<global_pool>{.granularity = 5}.visible(s, 0); }) ==
        "d_ff = 12 is not divisible by granularity = 5");
}
