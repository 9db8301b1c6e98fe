#pragma once
/// One pool of experts for all layers (GMoE).

#include <numeric>
#include <vector>

#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Every layer sees the same N experts; their gradients add up over the layers.
struct global_pool {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = true;

  index_t total(const sizes& s, index_t /*moe_layers*/) const { return s.experts; }
  std::vector<id_type> visible(const sizes& s, index_t /*layer*/) const {
    std::vector<id_type> ids(static_cast<std::size_t>(s.experts));
    std::iota(ids.begin(), ids.end(), id_type{0});
    return ids;
  }
};

}  // namespace gmoe
