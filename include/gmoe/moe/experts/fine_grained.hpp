#pragma once
/// Fine-grained experts (Dai et al. 2024): each expert is split in g = sizes::granularity parts of width d_ff / g.

#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Where the always-on experts of a fine-grained mixture come from.
enum class shared_parts {
  beside,  ///< they come on top of the g N parts (GMoE's local expert)
  among,   ///< `sizes::shared_experts` of the g N parts are set aside for every token (DeepSeekMoE)
};

/// The pool `Pool` with its experts split: g N parts, or g N - shared_experts.
template <class Pool, shared_parts Shared = shared_parts::beside>
struct fine_grained : experts_policy {
  static constexpr std::string_view reads[] = {"granularity", Shared == shared_parts::among ? "shared_experts" : ""};
  static constexpr bool shared_between_layers = Pool::shared_between_layers;

  static index_t total(const sizes& s, index_t moe_layers) { return Pool::total(split(s), moe_layers); }
  static std::vector<id_type> visible(const sizes& s, index_t moe_layers, index_t layer) {
    return Pool::visible(split(s), moe_layers, layer);
  }
  static index_t width(const sizes& s, index_t /*expert*/) { return s.d_ff / s.granularity; }

 private:
  static sizes split(sizes s) {
    const index_t parts = s.granularity * s.experts, aside = Shared == shared_parts::among ? s.shared_experts : 0;
    require(parts > aside, "shared_experts = ", aside, " leaves none of granularity * experts = ", parts,
            " experts to route to");
    s.experts = parts - aside;
    return s;
  }
};

}  // namespace gmoe
