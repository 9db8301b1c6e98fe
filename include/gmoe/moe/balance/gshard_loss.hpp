#pragma once
/// GShard's balance loss in the paper's form (Lepikhin et al. 2020): only first choices are counted.

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i for each layer, f the fractions of first choices. The paper's (1/N) sum_i f_i P_i times N^2,
/// so that alpha means the same as in switch_loss.
struct gshard_loss {
  using slot = slots::balance;
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &gshard_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return scale(dot(mean_scores(r), chosen_fractions(r, 1)), alpha * static_cast<double>(r.experts));
  }
};

}  // namespace gmoe
