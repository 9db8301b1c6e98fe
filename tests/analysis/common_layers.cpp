#include "gmoe/analysis/common_layers.hpp"

#include <doctest/doctest.h>

using blocks = std::vector<gmoe::index_t>;

TEST_CASE("analysis/common_layers: the blocks in which all variants route") {
  CHECK(gmoe::common_blocks(std::vector<blocks>{{0, 1, 2, 3, 4, 5}, {1, 3, 5}, {0, 3, 5}}) == blocks{3, 5});
  CHECK(gmoe::common_blocks(std::vector<blocks>{{2, 4}}) == blocks{2, 4});
  CHECK(gmoe::common_blocks(std::vector<blocks>{{0, 2}, {1, 3}}).empty());
  CHECK_THROWS_AS(gmoe::common_blocks({}), gmoe::config_error);
}

TEST_CASE("analysis/common_layers: blocks become layer numbers of each variant") {
  gmoe::routing_decisions every, second;
  for (gmoe::index_t b = 0; b < 4; ++b) every.add_layer(b, 2, 1);
  second.add_layer(1, 2, 1);
  second.add_layer(3, 2, 1);
  const blocks common =
      gmoe::common_blocks(std::vector<blocks>{gmoe::routed_blocks(every), gmoe::routed_blocks(second)});
  CHECK(common == blocks{1, 3});
  CHECK(gmoe::layers_of_blocks(every, common) == blocks{1, 3});
  CHECK(gmoe::layers_of_blocks(second, common) == blocks{0, 1});
  CHECK_THROWS_AS(gmoe::layers_of_blocks(second, blocks{2}), gmoe::config_error);
}
