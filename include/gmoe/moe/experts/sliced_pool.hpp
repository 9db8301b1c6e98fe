#pragma once
/// A dense layer cut into experts (union of experts, Yang et al. 2025).

#include "gmoe/core/error.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// The d_ff hidden units of one layer in N slices: slice i has the units from floor(i d_ff / N) to floor((i + 1) d_ff /
/// N), so that N slices together are the layer whatever N is. A pool for every layer.
struct sliced_pool {
  using slot = slots::experts;
  layer_pool of{};

  index_t width(const sizes& s, index_t expert) const {
    require(s.d_ff >= s.experts, "d_ff = ", s.d_ff, " hidden units cannot be cut into experts = ", s.experts,
            " slices");
    const index_t slice = expert % s.experts;
    return (slice + 1) * s.d_ff / s.experts - slice * s.d_ff / s.experts;
  }
};

}  // namespace gmoe
