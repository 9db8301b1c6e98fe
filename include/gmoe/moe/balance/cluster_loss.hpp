#pragma once
/// MoEC's losses (Xie et al. 2022): an even load, and clusters whose members are alike.

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i + beta mean_t Var_(i in K(t)) p_ti, K(t) the cluster of token t: the variance within the
/// cluster, divided by its size. Reads "cluster" of cluster_choice.
struct cluster_loss {
  using slot = slots::balance;
  double alpha = 0.01, beta = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &cluster_loss::alpha, "coefficient of the load balancing loss", at_least(0)},
                 field{"beta", &cluster_loss::beta, "coefficient of the variance within clusters", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const variable<B>& own = r.noted("cluster");
    const variable<B> share = reciprocal(row_sums(own)), p = multiply(r.scores, own);
    const variable<B> mean = multiply(row_sums(p), share), mean_square = multiply(row_sums(square(p)), share);
    const variable<B> variance = valid_means(subtract(mean_square, square(mean)), r.valid);
    return add(switch_loss{alpha}.layer_loss(at, r), scale(variance, beta));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
