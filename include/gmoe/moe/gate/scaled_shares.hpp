#pragma once
/// Shares of the chosen scores, times a number (DeepSeek-V3, 2024).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/gate/gate.hpp"

namespace gmoe {

/// w_e = scale p_e / (sum of p over the asked + 1e-9). Where the routing has one expert per token, w = scale p: a share
/// of one would be 1, without a gradient.
struct scaled_shares {
  using slot = slots::gate;
  double scale = 1;
  static constexpr auto fields =
      std::tuple{field{"scale", &scaled_shares::scale, "the sum of a token's weights", above(0)}};

  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    return gmoe::scale(r.chosen.cols() == 1 ? selected_score{}.weights(at, r) : renormalised_scores{}.weights(at, r),
                       scale);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: scaled_shares divides by a sum of scores, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as sigmoid_score");
    return true;
  }
};

}  // namespace gmoe
