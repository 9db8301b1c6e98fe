#pragma once
/// A pool of its own for every layer, with experts that compute little or nothing (MoE++, Jin et al. 2024).

#include <numeric>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/seen_experts.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Every layer sees N ordinary experts, then `nulls` that give 0, `copies` that give x and `constants` that give a
/// mixture of x and a learned vector. The card's body is special_experts of an ordinary one.
struct mixed_pool {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = false;
  index_t nulls = 1, copies = 1, constants = 2;
  static constexpr auto fields = std::tuple{
      field{"nulls", &mixed_pool::nulls, "experts of a layer that give nothing", at_least(0)},
      field{"copies", &mixed_pool::copies, "experts of a layer that give x back", at_least(0)},
      field{"constants", &mixed_pool::constants, "experts of a layer that mix x with a vector", at_least(0)}};

  index_t total(const sizes& s, index_t moe_layers) const { return of_layer(s) * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer) const {
    std::vector<id_type> ids(static_cast<std::size_t>(of_layer(s)));
    std::iota(ids.begin(), ids.end(), static_cast<id_type>(layer * of_layer(s)));
    return ids;
  }
  expert_kind kind(const sizes& s, index_t e) const {
    const index_t i = e % of_layer(s) - s.experts;
    return i < 0                ? expert_kind::ordinary
           : i < nulls          ? expert_kind::none
           : i < nulls + copies ? expert_kind::copy
                                : expert_kind::constant;
  }
  index_t width(const sizes& s, index_t e) const { return kind(s, e) == expert_kind::ordinary ? s.d_ff : 0; }

 private:
  index_t of_layer(const sizes& s) const { return s.experts + nulls + copies + constants; }
};

}  // namespace gmoe
