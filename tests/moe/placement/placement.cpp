#include "gmoe/moe/placement/placement.hpp"

#include <doctest/doctest.h>

using namespace gmoe;

TEST_CASE("moe/placement/placement: which of five blocks") {
  sizes s;
  s.layers = 5;
  const auto blocks = [&](auto placement) {
    std::vector<index_t> with;
    for (index_t b = 0; b < 5; ++b)
      if (placement.has_experts(s, b)) with.push_back(b);
    return with;
  };
  using list = std::vector<index_t>;
  CHECK(blocks(every_block{}) == list{0, 1, 2, 3, 4});
  CHECK(blocks(every_second_block{}) == list{0, 2, 4});
  CHECK(blocks(every_second_block{.first = 1}) == list{1, 3});
  CHECK(blocks(listed_blocks{.blocks = {4, 1}}) == list{1, 4});
  CHECK(blocks(listed_blocks{}).empty());
  CHECK(blocks(no_block{}).empty());
  CHECK_THROWS_WITH_AS(blocks(listed_blocks{.blocks = {1, 5}}),
                       "placement.blocks lists block 5, but there are blocks 0 to 4", config_error);
}
