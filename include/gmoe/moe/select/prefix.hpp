#pragma once
/// As many experts as it takes: the best ones, until their scores sum to enough (top-p, XMoE's threshold).

#include <algorithm>
#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// The shortest prefix of a token's experts, best first, whose scores sum to more than `above`: at least one expert, at
/// most those that it may ask, as many columns as there are experts, the rest of them empty. Scores must sum to one,
/// such as softmax_score's. With `above` = 1 it is everybody who may be asked.
///
///     I = {(1), ..., (n)},  n the smallest with p_(1) + ... + p_(n) > above        p_(1) >= p_(2) >= ...
struct prefix {
  using slot = slots::select;
  double above = 0.4;  ///< tau: that of top-p; XMoE 0.9
  static constexpr auto fields =
      std::tuple{field{"above", &prefix::above, "experts are added until their scores sum to more", between(0, 1)}};

  index_t at_most(const layer_shape& l) const { return l.experts; }
  /// The most that it can be: where all scores are equal.
  double experts_per_token(const layer_shape& l) const {
    return std::min(std::floor(above * static_cast<double>(l.experts)) + 1, static_cast<double>(l.experts));
  }

  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    using scalar = typename B::scalar;
    id_matrix<B> chosen =
        r.mask.empty() ? choose_top_k(r.scores.value(), r.experts) : choose_top_k(r.scores.value(), r.experts, r.mask);
    // A rounded sum may be more than 1 before the last expert.
    if (above < 1) B::keep_until_sum(chosen.view(), r.scores.value().view(), static_cast<scalar>(above));
    return chosen;
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
