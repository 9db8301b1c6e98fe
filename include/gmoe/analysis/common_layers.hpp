#pragma once
/// Comparing variants that route in different blocks: restrict them all to the blocks they have in common.

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "gmoe/analysis/decisions.hpp"

namespace gmoe {

/// The blocks of the routed layers.
inline std::vector<index_t> routed_blocks(const routing_decisions& d) {
  std::vector<index_t> blocks;
  for (index_t l = 0; l < d.layers(); ++l) blocks.push_back(d.block(l));
  return blocks;
}

/// The largest set of blocks in which every variant routes, increasing. Each list is increasing, as `routed_blocks`
/// gives it. Empty when the variants have nothing in common.
inline std::vector<index_t> common_blocks(std::span<const std::vector<index_t>> variants) {
  require(!variants.empty(), "common_blocks: there are no variants to compare");
  std::vector<index_t> common = variants.front();
  for (const std::vector<index_t>& blocks : variants.subspan(1)) {
    std::vector<index_t> both;
    std::set_intersection(common.begin(), common.end(), blocks.begin(), blocks.end(), std::back_inserter(both));
    common = std::move(both);
  }
  return common;
}

/// The routed-layer numbers of `blocks` in `d`, ready for `count_paths(d, layers)`.
/// Throws config_error for a block without a router.
inline std::vector<index_t> layers_of_blocks(const routing_decisions& d, std::span<const index_t> blocks) {
  const std::vector<index_t> routed = routed_blocks(d);
  std::vector<index_t> layers;
  for (const index_t block : blocks) {
    const auto found = std::find(routed.begin(), routed.end(), block);
    require(found != routed.end(), "layers_of_blocks: block ", block, " is not among the ", routed.size(),
            " routed blocks");
    layers.push_back(found - routed.begin());
  }
  return layers;
}

}  // namespace gmoe
