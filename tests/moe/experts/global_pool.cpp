#include "gmoe/moe/experts/global_pool.hpp"

#include <doctest/doctest.h>

using namespace gmoe;
using ids = std::vector<id_type>;

TEST_CASE("moe/experts/global_pool: the same experts for all layers") {
  sizes s;
  s.experts = 3;
  const global_pool pool;
  CHECK(pool.total(s, 5) == 3);
  CHECK(pool.visible(s, 0) == ids{0, 1, 2});
  CHECK(pool.visible(s, 4) == ids{0, 1, 2});
}
