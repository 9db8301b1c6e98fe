#pragma once
/// p = softmax(z): scores that sum to one over the experts that may be asked.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

struct softmax_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return r.mask.empty() ? softmax_rows(r.logits) : masked_softmax_rows(r.logits, r.mask);
  }
};

}  // namespace gmoe
