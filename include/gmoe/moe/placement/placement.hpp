#pragma once
/// In which blocks does a mixture of experts take the feed-forward layer's place?

#include <algorithm>
#include <string_view>

#include "gmoe/core/slot.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

struct every_block : placement_policy {
  static bool has_experts(const sizes&, index_t /*block*/) { return true; }
};

/// Blocks Offset, Offset + 2, Offset + 4, ...
template <int Offset = 0>
struct every_second_block : placement_policy {
  static_assert(Offset == 0 || Offset == 1, "gmoe: every_second_block<Offset> starts at block 0 or 1");
  static bool has_experts(const sizes&, index_t block) { return block % 2 == Offset; }
};

/// The blocks that `sizes::moe_blocks` lists.
struct listed_blocks : placement_policy {
  static constexpr std::string_view reads[] = {"moe_blocks"};
  static bool has_experts(const sizes& s, index_t block) {
    return std::find(s.moe_blocks.begin(), s.moe_blocks.end(), block) != s.moe_blocks.end();
  }
};

/// None: a dense model.
struct no_block : placement_policy {
  static bool has_experts(const sizes&, index_t /*block*/) { return false; }
};

}  // namespace gmoe
