#include "gmoe/moe/experts/block_pool.hpp"

#include <doctest/doctest.h>

using namespace gmoe;
using ids = std::vector<id_type>;

TEST_CASE("moe/experts/block_pool: neighbours see the experts of their block, fewer in a shorter last one") {
  sizes s;
  s.experts = 2;
  const block_pool pool{.block = 3};
  CHECK(pool.total(s, 5) == 10);
  for (const index_t layer : {0, 1, 2}) CHECK(pool.visible(s, layer, 5) == ids{0, 1, 2, 3, 4, 5});
  for (const index_t layer : {3, 4}) CHECK(pool.visible(s, layer, 5) == ids{6, 7, 8, 9});
  CHECK(pool.visible(s, 3, 6) == ids{6, 7, 8, 9, 10, 11});
  CHECK(block_pool{.block = 1}.visible(s, 4, 5) == ids{8, 9});
  CHECK(block_pool{.block = 9}.visible(s, 0, 2) == ids{0, 1, 2, 3});
}
