#pragma once
/// A balance loss for pools with null experts (AdaMoE, Zeng et al. 2024).

#include <vector>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// alpha N sum_i f'_i P_i over all N experts that the layer sees, null ones included, where f' is f, but for null
/// experts the mean of f over them: they are alike, and need not be balanced among themselves.
struct null_aware_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "null_aware";
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &null_aware_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  struct layer {
    matrix<B> spread;  ///< N x N: f' = f spread
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    const std::vector<expert_kind>& kinds = l.pool->kinds;
    const std::size_t n = kinds.size();
    const auto nulls = static_cast<double>(l.pool->of(expert_kind::none).ids.size());
    std::vector<typename B::scalar> spread(n * n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        spread[i * n + j] = static_cast<typename B::scalar>(
            kinds[i] == expert_kind::none && kinds[j] == expert_kind::none ? 1 / nulls : i == j);
    return {matrix<B>::from_host(spread, l.experts, l.experts)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    const variable<B> f = matmul(chosen_fractions(r), at.constant(my.layer.spread));
    return scale(dot(mean_scores(r), f), alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
