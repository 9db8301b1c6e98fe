#include "gmoe/analysis/global_numbering.hpp"

#include <doctest/doctest.h>

TEST_CASE("analysis/global_numbering: distinct ids once, in increasing order") {
  gmoe::routing_decisions d;
  d.add_layer(0, 3, 1, {20, 10, 40});
  d.add_layer(1, 2, 1, {40, 30});
  const gmoe::global_numbering global(d);
  CHECK(global.experts == 4);
  CHECK(global.number[0] == std::vector<gmoe::index_t>{1, 0, 3});
  CHECK(global.number[1] == std::vector<gmoe::index_t>{3, 2});
  CHECK(gmoe::shares_experts(d));
}

TEST_CASE("analysis/global_numbering: private pools share nothing") {
  gmoe::routing_decisions d;
  d.add_layer(0, 3, 1);
  d.add_layer(1, 3, 1);
  CHECK(gmoe::global_numbering(d).experts == 6);
  CHECK_FALSE(gmoe::shares_experts(d));
}
