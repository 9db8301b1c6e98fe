#pragma once
/// A balance loss over all layers together, for pools that layers share.

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i with f and P averaged over the layers before the product (the scope that RMoE's code uses):
/// an expert may be busy in one layer if it rests in others. All layers must see the same number of experts.
struct joint_switch_loss {
  using slot = slots::balance;
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &joint_switch_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> loss(const findings<B>& pass) const {
    const index_t experts = pass.routings.front().experts;
    variable<B> f, p;
    double count = 0;
    for (const routing<B>& r : pass.routings) {
      if (r.chosen.rows() == 0) continue;
      ++count;
      require(r.experts == experts, "joint_switch_loss: a layer of ", r.experts, " experts beside one of ", experts);
      f = f ? add(f, chosen_fractions(r)) : chosen_fractions(r);
      p = p ? add(p, col_means(r.scores)) : col_means(r.scores);
    }
    if (count == 0) return {};
    return scale(dot(p, f), alpha * static_cast<double>(experts) / (count * count));
  }
};

}  // namespace gmoe
