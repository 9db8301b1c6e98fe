#include "gmoe/moe/experts/sliced_pool.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/experts/sliced_pool: slices of a layer, which differ by one unit where it cannot be cut evenly") {
  sizes s;
  s.d_ff = 14;
  s.experts = 4;
  const sliced_pool pool;
  std::vector<index_t> widths;
  for (index_t e = 4; e < 8; ++e) widths.push_back(pool.width(s, e));
  CHECK(widths == std::vector<index_t>{3, 4, 3, 4});
  s.experts = 15;
  CHECK(refusal([&] { pool.width(s, 0); }) == "d_ff = 14 hidden units cannot be cut into experts = 15 slices");
}
