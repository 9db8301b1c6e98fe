#pragma once
/// Fine-grained experts (Dai et al. 2024): each expert is split in g parts of width d_ff / g.

#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/experts/visible_experts.hpp"
#include "gmoe/moe/layer_shape.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// The pool `Pool` with its experts split: g N parts, of which `shared_experts` are set aside for every token, as in
/// DeepSeekMoE. A selection that counts whole experts chooses g times as many parts, less those set aside.
template <class Pool>
struct fine_grained {
  using slot = slots::experts;
  Pool of{};
  index_t granularity = 1;     ///< g
  index_t shared_experts = 0;  ///< K; goes with the policy `shared_experts` of the slot `always`
  static constexpr auto fields = std::tuple{
      field{"granularity", &fine_grained::granularity, "parts that every expert is split into", at_least(1)},
      field{"shared_experts", &fine_grained::shared_experts, "parts set aside for every token", at_least(0)}};

  index_t total(const sizes& s, index_t moe_layers) const { return of.total(split(s), moe_layers); }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    return visible_experts(of, split(s), layer, moe_layers);
  }
  index_t width(const sizes& s, index_t /*expert*/) const { return s.d_ff / granularity; }
  void publish(layer_shape& l) const {
    l.granularity = granularity;
    l.shared_experts = shared_experts;
  }

 private:
  sizes split(sizes s) const {
    require(s.d_ff % granularity == 0, "d_ff = ", s.d_ff, " is not divisible by granularity = ", granularity);
    const index_t parts = granularity * s.experts;
    require(parts > shared_experts, "shared_experts = ", shared_experts,
            " leaves none of granularity * experts = ", parts, " experts to route to");
    s.experts = parts - shared_experts;
    return s;
  }
};

}  // namespace gmoe
