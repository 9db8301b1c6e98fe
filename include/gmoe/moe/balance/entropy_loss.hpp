#pragma once
/// Losses on the entropy of scores: sure tokens, or a load that is spread.

#include <array>
#include <string_view>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/log_softmax.hpp"

namespace gmoe {

/// Of what the entropy is taken.
enum class entropy_of {
  token,  ///< of every token's scores, which it makes sure (Huang et al. 2024)
  mean,   ///< of the mean scores, which it spreads
};
constexpr auto names_of(entropy_of) { return std::array<std::string_view, 2>{"token", "mean"}; }

/// beta mean_t H(p_t) of each token, or -beta H(mean_t p_t) of the mean, for each layer; H(p) = -sum_i p_i log p_i.
struct entropy_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "entropy";
  double beta = 1e-4;
  entropy_of of_what = entropy_of::token;
  static constexpr auto fields =
      std::tuple{field{"beta", &entropy_loss::beta, "coefficient of the entropy", at_least(0)},
                 field{"of_what", &entropy_loss::of_what, "whose entropy"}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    if (of_what == entropy_of::mean) return scale(entropy_rows(mean_scores(r)), -beta);
    return scale(valid_means(entropy_rows(r.scores), r.valid), beta);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: entropy_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: entropy_loss takes logarithms of scores, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
