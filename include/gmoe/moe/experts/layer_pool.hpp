#pragma once
/// A pool of its own for every layer: the standard mixture of experts.

#include <numeric>
#include <vector>

#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Layer l sees experts l N ... l N + N - 1 of the pool.
struct layer_pool {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = false;

  index_t total(const sizes& s, index_t moe_layers) const { return s.experts * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer) const {
    std::vector<id_type> ids(static_cast<std::size_t>(s.experts));
    std::iota(ids.begin(), ids.end(), static_cast<id_type>(layer * s.experts));
    return ids;
  }
};

}  // namespace gmoe
