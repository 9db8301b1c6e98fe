#pragma once
/// Universal experts on a ring, of which every layer sees another window (MoUE, Chen et al. 2026).

#include <algorithm>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Layer l sees a window of N experts of the ring, those from (l stride) mod U on, and then `own` experts that no other
/// layer sees. The ring has U = ring N experts, but no more than the windows of all M layers reach: N + (M - 1) stride.
/// With a stride of 0, or a ring of one window, and no experts of their own all layers see the same: a global pool.
struct ring_pool {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = true;
  index_t ring = 2;
  index_t stride = 2;
  index_t own = 1;
  static constexpr auto fields = std::tuple{
      field{"ring", &ring_pool::ring, "windows that make up the ring, if the layers reach so far", at_least(1)},
      field{"stride", &ring_pool::stride, "experts by which a layer's window is ahead of the one below", at_least(0)},
      field{"own", &ring_pool::own, "experts of every layer besides", at_least(0)}};

  /// U
  index_t universal(const sizes& s, index_t moe_layers) const {
    require(stride <= s.experts, "experts.stride = ", stride,
            " would leave experts between windows of experts = ", s.experts, " that no layer sees");
    return std::min(ring * s.experts, s.experts + (moe_layers - 1) * stride);
  }
  index_t total(const sizes& s, index_t moe_layers) const { return universal(s, moe_layers) + own * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    const index_t around = universal(s, moe_layers);
    std::vector<id_type> ids;
    for (index_t i = 0; i < s.experts; ++i) ids.push_back(static_cast<id_type>((layer * stride + i) % around));
    for (index_t i = 0; i < own; ++i) ids.push_back(static_cast<id_type>(around + layer * own + i));
    return ids;
  }
};

}  // namespace gmoe
