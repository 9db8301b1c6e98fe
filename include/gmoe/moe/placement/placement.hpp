#pragma once
/// In which blocks does a mixture of experts take the feed-forward layer's place?

#include <algorithm>
#include <tuple>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

struct every_block {
  using slot = slots::placement;
  bool has_experts(const sizes&, index_t /*block*/) const { return true; }
};

/// Blocks first, first + 2, first + 4, ...
struct every_second_block {
  using slot = slots::placement;
  index_t first = 0;
  static constexpr auto fields =
      std::tuple{field{"first", &every_second_block::first, "the first block with a mixture", between(0, 1)}};
  bool has_experts(const sizes&, index_t block) const { return block % 2 == first; }
};

/// The blocks that are listed.
struct listed_blocks {
  using slot = slots::placement;
  std::vector<index_t> blocks = {};
  static constexpr auto fields =
      std::tuple{field{"blocks", &listed_blocks::blocks, "blocks with a mixture", at_least(0)}};
  bool has_experts(const sizes& s, index_t block) const {
    for (const index_t b : blocks)
      require(b < s.layers, "placement.blocks lists block ", b, ", but there are blocks 0 to ", s.layers - 1);
    return std::find(blocks.begin(), blocks.end(), block) != blocks.end();
  }
};

/// None: a dense model.
struct no_block {
  using slot = slots::placement;
  bool has_experts(const sizes&, index_t /*block*/) const { return false; }
};

}  // namespace gmoe
