#include "gmoe/moe/experts/layer_pool.hpp"

#include <doctest/doctest.h>

using namespace gmoe;
using ids = std::vector<id_type>;

TEST_CASE("moe/experts/layer_pool: experts of its own for every layer") {
  sizes s;
  s.experts = 3;
  const layer_pool pool;
  CHECK(pool.total(s, 5) == 15);
  CHECK(pool.visible(s, 0) == ids{0, 1, 2});
  CHECK(pool.visible(s, 4) == ids{12, 13, 14});
}
