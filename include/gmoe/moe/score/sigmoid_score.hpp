#pragma once
/// p = sigmoid(z): every expert for itself.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// Scores between 0 and 1 that do not compete and need not sum to one.
struct sigmoid_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return sigmoid(r.logits);
  }
};

}  // namespace gmoe
