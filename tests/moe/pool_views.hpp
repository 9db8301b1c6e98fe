#pragma once
/// What a layer sees of a pool, by hand.

#include <memory>
#include <vector>

#include "gmoe/moe/layer_shape.hpp"

namespace gmoe_test {

/// Ordinary experts of these widths; where nothing else is said, one home, and seen by one layer.
inline gmoe::pool_view pool_of(const std::vector<gmoe::id_type>& ids, const std::vector<gmoe::index_t>& widths,
                               const std::vector<gmoe::index_t>& homes = {},
                               const std::vector<gmoe::index_t>& exposure = {}) {
  const auto seen = std::make_shared<gmoe::seen_experts>();
  seen->ids = ids;
  seen->widths = widths;
  seen->kinds.assign(ids.size(), gmoe::expert_kind::ordinary);
  seen->homes = homes.empty() ? std::vector<gmoe::index_t>(ids.size(), 0) : homes;
  seen->exposure = exposure.empty() ? std::vector<gmoe::index_t>(ids.size(), 1) : exposure;
  seen->sort_by_kind();
  return seen;
}
/// A layer that sees them.
inline gmoe::layer_shape shape_of(const gmoe::pool_view& pool) {
  gmoe::layer_shape l;
  l.experts = l.columns = static_cast<gmoe::index_t>(pool->ids.size());
  l.pool = pool;
  return l;
}

}  // namespace gmoe_test
