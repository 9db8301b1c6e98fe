#pragma once
/// The experts that a layer sees, in whichever of two ways a pool says so.

#include <vector>

#include "gmoe/core/index.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// visible(sizes, layer, moe_layers), or visible(sizes, layer) where the number of mixtures makes no difference. For
/// pools around pools.
template <class Pool>
std::vector<id_type> visible_experts(const Pool& pool, const sizes& s, index_t layer, index_t moe_layers) {
  if constexpr (answers<hooks::visible, Pool, nothing, const sizes&, index_t, index_t>)
    return ask<hooks::visible>(pool, nothing{}, s, layer, moe_layers);
  else
    return ask<hooks::visible>(pool, nothing{}, s, layer);
}

}  // namespace gmoe
