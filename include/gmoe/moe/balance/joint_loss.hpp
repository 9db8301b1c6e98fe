#pragma once
/// A balance loss over all layers together, for pools that layers share.

#include <string_view>
#include <vector>

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i with f and P averaged over the layers before the product (the scope that RMoE's code uses):
/// an expert may be busy in one layer if it rests in others. All layers must see the same number of experts.
struct joint_switch_loss : balance_policy {
  static constexpr std::string_view reads[] = {"balance_alpha"};
  template <class B>
  static variable<B> loss(const context<B>& ctx, const sizes& s, const std::vector<routing<B>>& layers) {
    const index_t experts = layers.front().experts;
    variable<B> f, p;
    for (const routing<B>& r : layers) {
      require(r.experts == experts, "joint_switch_loss: a layer of ", r.experts, " experts beside one of ", experts);
      f = f ? add(f, chosen_fractions(ctx, r)) : chosen_fractions(ctx, r);
      p = p ? add(p, col_means(r.scores)) : col_means(r.scores);
    }
    const auto count = static_cast<double>(layers.size());
    return scale(dot(p, f), s.balance_alpha * static_cast<double>(experts) / (count * count));
  }
};

}  // namespace gmoe
