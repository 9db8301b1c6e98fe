#include "gmoe/moe/experts/block_pool.hpp"

#include <doctest/doctest.h>

using namespace gmoe;

TEST_CASE("moe/experts/block_pool: neighbours see each other's experts, each of which has a home") {
  sizes s;
  s.experts = 2;
  const block_pool pool{.block = 2};
  CHECK(pool.total(s, 3) == 6);
  CHECK(pool.visible(s, 1, 3) == std::vector<id_type>{0, 1, 2, 3});
  CHECK(pool.visible(s, 2, 3) == std::vector<id_type>{4, 5});  // alone in its block
  CHECK(pool.home(s, 1) == 0);
  CHECK(pool.home(s, 2) == 1);
  CHECK(pool.home(s, 5) == 2);
}

TEST_CASE("moe/experts/block_pool: neighbours see the experts of their block, fewer in a shorter last one") {
  sizes s;
  s.experts = 2;
  const block_pool pool{.block = 3};
  CHECK(pool.total(s, 5) == 10);
  for (const index_t layer : {0, 1, 2}) CHECK(pool.visible(s, layer, 5) == std::vector<id_type>{0, 1, 2, 3, 4, 5});
  for (const index_t layer : {3, 4}) CHECK(pool.visible(s, layer, 5) == std::vector<id_type>{6, 7, 8, 9});
  CHECK(pool.visible(s, 3, 6) == std::vector<id_type>{6, 7, 8, 9, 10, 11});
  CHECK(block_pool{.block = 1}.visible(s, 4, 5) == std::vector<id_type>{8, 9});
  CHECK(block_pool{.block = 9}.visible(s, 0, 2) == std::vector<id_type>{0, 1, 2, 3});
}
