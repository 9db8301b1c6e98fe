#pragma once
/// Weights of experts that are slices of one layer: near 1, so that their sum stays what the layer gives.

#include "gmoe/moe/gate/gate.hpp"

namespace gmoe {

/// w = K p / (sum of p over the asked + 1e-9): 1 on average over the K experts that a token asks for, and 1 where their
/// scores are equal.
struct weights_around_one {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return scale(normalize_sums(gather_elements(r.scores, r.chosen), 1e-9), static_cast<double>(r.chosen.cols()));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: weights_around_one divides by a sum of scores, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as softmax_score");
    return true;
  }
};

/// w = 1 + p - sg(p): exactly 1, with the gradient of the score, so that the choice is learned from the language loss
/// although it carries no weight (a straight-through estimate).
struct one_by_score {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    const variable<B> p = gather_elements(r.scores, r.chosen);
    const variable<B> one = at.constant(matrix<B>::filled(p.rows(), p.cols(), typename B::scalar(1)));
    return add(one, subtract(p, at.cut("gate_scores", p)));
  }
};

}  // namespace gmoe
