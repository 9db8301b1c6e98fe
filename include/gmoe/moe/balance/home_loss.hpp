#pragma once
/// An even load of devices: the device-level loss of DeepSeekMoE (Dai et al. 2024).

#include <algorithm>
#include <vector>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// alpha sum_g (N / n_g sum_(i in g) f_i) (sum_(i in g) P_i) over the groups g of n_g experts that have one `home`: f
/// sums to one. alpha when groups have load in proportion to their experts; how it is spread within them does not
/// matter. Experts of one home are balanced together, those of N homes each by itself: Switch's loss.
struct home_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "home";
  double alpha = 0.05;
  static constexpr auto fields =
      std::tuple{field{"alpha", &home_loss::alpha, "coefficient of the loss of homes", at_least(0)}};

  template <class B>
  struct layer {
    matrix<B> together;  ///< N x N: N / n_g where two experts have one home
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    const std::vector<index_t>& homes = l.pool->homes;
    const std::size_t n = homes.size();
    std::vector<typename B::scalar> together(n * n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      const auto size = std::count(homes.begin(), homes.end(), homes[i]);
      for (std::size_t j = 0; j < n; ++j)
        if (homes[i] == homes[j])
          together[i * n + j] = static_cast<typename B::scalar>(static_cast<double>(n) / static_cast<double>(size));
    }
    return {matrix<B>::from_host(together, l.experts, l.experts)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    return scale(dot(mean_scores(r), matmul(chosen_fractions(r), at.constant(my.layer.together))), alpha);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
