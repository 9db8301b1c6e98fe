// The pools: which experts exist, which a layer sees, how wide they are.
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
  CHECK(global_pool::total(s, 5) == 3);
  CHECK(global_pool::visible(s, 5, 0) == ids{0, 1, 2});
  CHECK(global_pool::visible(s, 5, 4) == ids{0, 1, 2});
}

TEST_CASE("moe/experts/layer_pool: experts of its own for every layer") {
  sizes s;
  s.experts = 3;
  CHECK(layer_pool::total(s, 5) == 15);
  CHECK(layer_pool::visible(s, 5, 0) == ids{0, 1, 2});
  CHECK(layer_pool::visible(s, 5, 4) == ids{12, 13, 14});
}

TEST_CASE("moe/experts/fine_grained: parts of another pool's experts") {
  using deepseek = fine_grained<layer_pool, shared_parts::among>;
  sizes s;
  s.experts = 3;
  s.granularity = 2;
  s.shared_experts = 1;
  s.d_ff = 12;
  CHECK(fine_grained<global_pool>::total(s, 5) == 6);
  CHECK(fine_grained<global_pool>::visible(s, 5, 4) == ids{0, 1, 2, 3, 4, 5});
  CHECK(fine_grained<global_pool>::width(s, 0) == 6);
  CHECK(deepseek::total(s, 2) == 10);
  CHECK(deepseek::visible(s, 2, 1) == ids{5, 6, 7, 8, 9});
  s.shared_experts = 6;
  CHECK(refusal([&] { deepseek::total(s, 2); }) ==
        "shared_experts = 6 leaves none of granularity * experts = 6 experts to route to");
}
