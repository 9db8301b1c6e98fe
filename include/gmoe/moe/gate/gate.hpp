#pragma once
/// With which weight does a chosen expert enter the sum?

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/normalize.hpp"

namespace gmoe {

/// w = p of the chosen expert, as it is. The only choice for top-1: p / p = 1 would have no gradient.
struct selected_score {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return gather_elements(r.scores, r.chosen);
  }
};

/// w = p / (sum of p over the asked + 1e-9): weights that sum to one over what the router asked for, kept or not.
struct renormalised_scores {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return normalize_sums(gather_elements(r.scores, r.chosen), 1e-9);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: renormalised_scores divides by a sum of scores, but the card's scores are logits, which may "
                  "be negative: it takes another score, such as softmax_score");
    return true;
  }
};

/// w = p / (sum of p over the kept + 1e-9): weights that sum to one over what the router got, after capacity (XMoE).
struct scores_over_kept {
  using slot = slots::gate;
  static constexpr bool reads_kept = true;  ///< what capacity has put in the place of what was asked for weighs, too
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return normalize_sums(gather_elements(r.scores, r.kept), 1e-9);
  }
};

/// w = p of the kept expert, as it is: of the one that the token got, whoever it asked for.
struct kept_score {
  using slot = slots::gate;
  static constexpr bool reads_kept = true;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return gather_elements(r.scores, r.kept);
  }
};

/// w = 1: the choice carries no weight (hash routing).
struct unit_weight {
  using slot = slots::gate;
  static constexpr bool none = true;
};

}  // namespace gmoe
