#pragma once
/// A balance loss that lets experts which compute nothing be busier (MoE++, Jin et al. 2024).

#include <vector>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// alpha N sum_i eta_i f_i P_i over all N experts that the layer sees, eta = 1 for ordinary ones and tau for the
/// others.
struct kinds_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "kinds";
  double alpha = 0.01, tau = 0.75;
  static constexpr auto fields =
      std::tuple{field{"alpha", &kinds_loss::alpha, "coefficient of the load balancing loss", at_least(0)},
                 field{"tau", &kinds_loss::tau, "share of it for experts that compute nothing", between(0, 1)}};

  template <class B>
  struct layer {
    matrix<B> eta;  ///< 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    std::vector<typename B::scalar> eta;
    for (const expert_kind k : l.pool->kinds)
      eta.push_back(static_cast<typename B::scalar>(k == expert_kind::ordinary ? 1 : tau));
    return {matrix<B>::from_host(eta, 1, l.experts)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    const variable<B> f = multiply(chosen_fractions(r), at.constant(my.layer.eta));
    return scale(dot(mean_scores(r), f), alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
