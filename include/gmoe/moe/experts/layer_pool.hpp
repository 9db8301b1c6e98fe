#pragma once
/// A pool of its own for every layer: the standard mixture of experts.

#include <numeric>
#include <vector>

#include "gmoe/core/slot.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Layer l sees experts l N ... l N + N - 1 of the model's bank.
struct layer_pool : experts_policy {
  static constexpr bool shared_between_layers = false;

  static index_t total(const sizes& s, index_t moe_layers) { return s.experts * moe_layers; }
  static std::vector<id_type> visible(const sizes& s, index_t /*moe_layers*/, index_t layer) {
    std::vector<id_type> ids(static_cast<std::size_t>(s.experts));
    std::iota(ids.begin(), ids.end(), static_cast<id_type>(layer * s.experts));
    return ids;
  }
};

}  // namespace gmoe
