#pragma once
/// Neighbouring layers put their experts together: blocks of R layers share a pool of R N experts (MoRE).

#include <algorithm>
#include <numeric>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Layers b R, ..., b R + R - 1 see the same experts, N for each of them: as many parameters as a pool for every layer.
/// A last block of fewer layers has as many fewer experts. With one layer per block this is layer_pool.
struct block_pool {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = true;
  static constexpr bool differs_by_layer = true;  // in the last block
  index_t block = 2;                              ///< R
  static constexpr auto fields =
      std::tuple{field{"block", &block_pool::block, "neighbouring layers that share their experts", at_least(1)}};

  index_t total(const sizes& s, index_t moe_layers) const { return s.experts * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    const index_t first = layer / block * block, last = std::min(first + block, moe_layers);
    std::vector<id_type> ids(static_cast<std::size_t>((last - first) * s.experts));
    std::iota(ids.begin(), ids.end(), static_cast<id_type>(first * s.experts));
    return ids;
  }
  /// The layer that it would be private to (see growing_reuse).
  index_t home(const sizes& s, index_t expert) const { return expert / s.experts; }
};

}  // namespace gmoe
