#pragma once
/// The shared experts of DeepSeekMoE (Dai et al. 2024): several small experts per layer that every token visits.

#include <optional>
#include <string_view>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// `sizes::shared_experts` experts of width d_ff / granularity, weight 1, outside softmax and balance. Their sum is one
/// expert with all their hidden units, and is computed as that.
struct shared_experts : always_policy {
  static constexpr std::string_view reads[] = {"shared_experts", "granularity"};
  template <class B, class Body>
  struct layer {
    std::optional<dense_expert<B, Body>> expert;

    layer(const builder<B>& make, const sizes& s, const layer_shape&) {
      if (s.shared_experts > 0)
        expert.emplace(make, s.d_model, s.shared_experts * (s.d_ff / s.granularity), s.initializer_range);
    }
    variable<B> operator()(const context<B>& ctx, const variable<B>& x) {
      return expert ? (*expert)(ctx, x) : variable<B>{};
    }
    void each(auto&& visit) {
      if (expert) expert->each(visit);
    }
  };
};

}  // namespace gmoe
