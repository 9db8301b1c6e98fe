#pragma once
/// Shares that fade with what they are shares of (Dynamic Subspace Composition, Khasia 2025).

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// w = s / (S + 1e-6) tanh(S), S the sum of s over what was asked for: with all scores near 0 the mixture is off.
struct shares_of_strength {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    const variable<B> s = gather_elements(r.scores, r.chosen);
    return multiply_col(normalize_sums(s, 1e-6), tanh(row_sums(s)));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: shares_of_strength divides by a sum of scores, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as softplus_score");
    return true;
  }
};

}  // namespace gmoe
