#pragma once
/// The router z-loss (Zoph et al. 2022, ST-MoE): logits stay small, so that exponentials are exact.

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/log_softmax.hpp"

namespace gmoe {

/// beta mean_t (log sum_j exp(z_tj))^2 over the tokens that count and all the router's logits, for each layer. It does
/// not balance: it goes beside a loss that does, `sum_of<switch_loss, z_loss>`.
struct z_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "z";
  double beta = 1e-3;
  static constexpr auto fields =
      std::tuple{field{"beta", &z_loss::beta, "coefficient of the squared log sum of exponentials", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return scale(valid_means(square(log_sum_exp_rows(r.logits)), r.valid), beta);
  }
};

}  // namespace gmoe
