#pragma once
/// The losses of top-p routing (Huang et al. 2024): an even load, by few experts.

#include "gmoe/moe/balance/entropy_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i + beta mean_t H(p_t): switch_loss and entropy_loss.
struct sure_switch_loss {
  using slot = slots::balance;
  double alpha = 0.01, beta = 1e-4;
  static constexpr auto fields =
      std::tuple{field{"alpha", &sure_switch_loss::alpha, "coefficient of the load balancing loss", at_least(0)},
                 field{"beta", &sure_switch_loss::beta, "coefficient of the tokens' mean entropy", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    return add(switch_loss{alpha}.layer_loss(at, r), entropy_loss{beta}.layer_loss(at, r));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return entropy_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
