#pragma once
/// s = sigma(z): experts do not compete (DeepSeek-V3, 2024).

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// Each score is between 0 and 1 by itself; a row has any sum. Goes with weights that are shares.
struct sigmoid_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return sigmoid(r.logits);
  }
};

}  // namespace gmoe
