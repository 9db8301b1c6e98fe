#include "gmoe/moe/experts/grouped_pool.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/experts/grouped_pool: widths by group, and every size on every device") {
  sizes s;
  s.d_ff = 10;
  s.experts = 12;
  const grouped_pool pool{.groups = 3, .ratio = 3, .devices = 2};
  std::vector<index_t> widths, homes;
  for (index_t e = 12; e < 24; ++e) {  // of the second layer
    widths.push_back(pool.width(s, e));
    homes.push_back(pool.home(s, e));
  }
  CHECK(widths == std::vector<index_t>{5, 5, 5, 5, 10, 10, 10, 10, 15, 15, 15, 15});
  CHECK(homes == std::vector<index_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  layer_shape l;
  pool.publish(l);
  CHECK(l.groups == 3);
  s.experts = 10;
  CHECK(refusal([&] { pool.width(s, 0); }) == "experts = 10 is not divisible by experts.groups = 3");
  s.experts = 9;
  CHECK(refusal([&] { pool.home(s, 0); }) == "groups of 3 experts cannot be spread evenly over experts.devices = 2");
}
