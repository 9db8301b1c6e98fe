#pragma once
/// What keeps the load even? Losses on routing.

#include <string_view>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// f (1 x N): the share of the pairs that chose each expert, dropped ones included. Empty slots are no pairs: f sums to
/// one, or is zero if there is no pair at all. A constant: no gradient. With `choices` only the first so many choices
/// of each token count; 0 means all.
template <class B>
variable<B> chosen_fractions(const routing<B>& r, index_t choices = 0) {
  const id_matrix<B>& all = r.chosen;
  matrix<B> f(1, r.experts);
  B::choice_fractions(f.view(), all.view().col_block(0, choices > 0 ? choices : all.cols()));
  return variable<B>(std::move(f), r.scores.recorded_on(), false);
}

/// P (1 x N): the mean scores of the rows that count.
template <class B>
variable<B> mean_scores(const routing<B>& r) {
  return valid_means(r.scores, r.valid);
}

/// The load balancing loss of Switch (Fedus et al. 2021): alpha N sum_i f_i P_i for each layer, f the fractions of
/// choices, P the mean scores. Equals alpha when balanced. The model takes the mean over its layers. The expert-level
/// loss of DeepSeekMoE (Dai et al. 2024) is the same: its f_i = N / (k T) count_i is N times ours.
struct switch_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "switch";
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &switch_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return scale(dot(mean_scores(r), chosen_fractions(r)), alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: switch_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: switch_loss takes shares of scores, but the card's scores are logits, which may be negative: "
                  "it takes another score, such as softmax_score");
    return true;
  }
};

/// No balance loss.
struct no_balance {
  using slot = slots::balance;
  static constexpr std::string_view name = "none";
  static constexpr bool none = true;
};

}  // namespace gmoe
