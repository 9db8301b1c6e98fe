#pragma once
/// s = max(z, 0): a score of 0 is no expert (ReMoE, Wang et al. 2025).

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// Goes with `positive` and `selected_score`: where s is 0 its gradient is, too, and leaving the expert out is exact.
struct relu_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return relu(r.logits);
  }
};

}  // namespace gmoe
