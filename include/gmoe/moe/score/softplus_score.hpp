#pragma once
/// s = log(1 + exp(z)): positive, without an upper bound (Dynamic Subspace Composition, Khasia 2025).

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// Every expert by itself: that one is strong takes nothing from another.
struct softplus_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return softplus(r.logits);
  }
};

}  // namespace gmoe
