#pragma once
/// As many experts as it takes: the best ones until their scores sum to enough.

#include <algorithm>
#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/masked.hpp"

namespace gmoe {

/// The shortest prefix of the experts, best first, whose scores sum to more than `above`, the one that takes the sum
/// there included; all of them if nothing does. At least one, at most N: tokens differ in how many they get, slots
/// behind them are `no_choice`. Top-p routing (Huang et al. 2024) and XMoE's threshold (Yang et al. 2024).
struct prefix {
  using slot = slots::select;
  double above = 0.4;
  static constexpr auto fields =
      std::tuple{field{"above", &prefix::above, "the sum of scores that is enough", between(0, 1)}};

  index_t at_most(const layer_shape& l) const { return l.experts; }
  /// Of experts with equal scores.
  double experts_per_token(const layer_shape& l) const {
    const auto n = static_cast<double>(l.experts);
    return std::min(n, std::floor(above * n) + 1);
  }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    id_matrix<B> choice = choose_top_p(r.scores.value(), above, r.experts);
    if (r.mask.empty()) return choice;
    // Experts that may not be asked have a score of 0 and stand last, but before nobody.
    const variable<B> visible = mask_cols(variable<B>(matrix<B>::filled(r.scores.rows(), r.experts, 1)), r.mask);
    B::keep_where(choice.view(), gather_elements(visible, choice).value().view());
    return choice;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: prefix sums scores, but the card's scores are logits, which may be negative: it takes another "
                  "score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
