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
