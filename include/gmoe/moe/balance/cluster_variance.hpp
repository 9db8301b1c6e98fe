#pragma once
/// Clusters whose members are alike (MoEC, Xie et al. 2022).

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// beta mean_t Var_(i in K(t)) p_ti for each layer, K(t) the cluster of token t: the variance within the cluster,
/// divided by its size. It does not balance: it goes beside a loss that does, `sum_of<switch_loss, cluster_variance>`.
/// Reads "cluster" of cluster_choice.
struct cluster_variance {
  using slot = slots::balance;
  static constexpr std::string_view name = "cluster";
  double beta = 0.01;
  static constexpr auto fields =
      std::tuple{field{"beta", &cluster_variance::beta, "coefficient of the variance within clusters", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    const variable<B>& own = r.noted("cluster");
    const variable<B> share = reciprocal(row_sums(own)), p = multiply(r.scores, own);
    const variable<B> mean = multiply(row_sums(p), share), mean_square = multiply(row_sums(square(p)), share);
    return scale(valid_means(subtract(mean_square, square(mean)), r.valid), beta);
  }
};

}  // namespace gmoe
