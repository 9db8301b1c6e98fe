#include "gmoe/moe/experts/fine_grained.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/stack_data.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using gmoe_test::refusal;
using ids = std::vector<id_type>;

TEST_CASE_TEMPLATE("moe/experts/fine_grained: parts of a pool for all layers are for all layers", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  static_assert(detail::stack_data<with<smoe_card, fine_grained<global_pool>>, B>::layers_share_experts);
  CHECK_FALSE(detail::stack_data<with<smoe_card, fine_grained<layer_pool>>, B>::layers_share_experts);
}

TEST_CASE("moe/experts/fine_grained: parts of another pool's experts") {
  sizes s;
  s.experts = 3;
  s.d_ff = 12;
  const fine_grained<global_pool> halves{.granularity = 2};
  CHECK(halves.total(s, 5) == 6);
  CHECK(halves.visible(s, 4, 5) == ids{0, 1, 2, 3, 4, 5});
  CHECK(halves.width(s, 0) == 6);
  fine_grained<layer_pool> deepseek{.granularity = 2, .shared_experts = 1};
  CHECK(deepseek.total(s, 2) == 10);
  CHECK(deepseek.visible(s, 1, 2) == ids{5, 6, 7, 8, 9});
  layer_shape seen;
  deepseek.publish(seen);
  CHECK(seen.granularity == 2);
  CHECK(seen.shared_experts == 1);
  deepseek.shared_experts = 6;
  CHECK(refusal([&] { deepseek.total(s, 2); }) ==
        "shared_experts = 6 leaves none of granularity * experts = 6 experts to route to");
  CHECK(refusal([&] { fine_grained<global_pool>{.granularity = 5}.visible(s, 0, 1); }) ==
        "d_ff = 12 is not divisible by granularity = 5");
}
