#pragma once
/// GShard's balance loss in the paper's form (Lepikhin et al. 2020): only first choices are counted.

#include "gmoe/moe/balance/switch_loss.hpp"

namespace gmoe {

/// alpha N sum_i f_i P_i for each layer, f the fractions of first choices. The paper's (1/N) sum_i f_i P_i times N^2,
/// so that alpha means the same as in switch_loss.
struct gshard_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "gshard";
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &gshard_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return scale(dot(mean_scores(r), chosen_fractions(r, 1)), alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: gshard_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: gshard_loss takes shares of scores, but the card's scores are logits, which may be negative: "
                  "it takes another score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
