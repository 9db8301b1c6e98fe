#pragma once
/// A pool of its own for every layer, of experts with one hidden unit each (PEER, He 2024).

#include "gmoe/moe/experts/layer_pool.hpp"

namespace gmoe {

/// layer_pool, but an expert is a single unit, whatever d_ff says.
struct unit_pool {
  using slot = slots::experts;
  layer_pool of{};
  static constexpr auto fields = std::tuple{};

  index_t width(const sizes&, index_t) const { return 1; }
};

}  // namespace gmoe
