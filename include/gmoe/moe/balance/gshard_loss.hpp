#pragma once
/// GShard's balance loss in the paper's form (Lepikhin et al. 2020): only first choices are counted.

#include <string_view>

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i for each layer, f the fractions of first choices. The paper's (1/N) sum_i f_i P_i times N^2,
/// so that alpha means the same as in switch_loss.
struct gshard_loss : balance_policy {
  static constexpr std::string_view reads[] = {"balance_alpha"};
  template <class B>
  static variable<B> layer_loss(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    return scale(dot(col_means(r.scores), chosen_fractions(ctx, r, 1)),
                 s.balance_alpha * static_cast<double>(r.experts));
  }
};

}  // namespace gmoe
