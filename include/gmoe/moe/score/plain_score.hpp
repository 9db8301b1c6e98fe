#pragma once
/// p = z: the router's numbers are the scores.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// For routers that decide by themselves, such as hashing: they say `static constexpr bool makes_scores = true`.
/// Others may be negative: shares of such scores mean nothing, and are refused (gmoe/moe/partners.hpp).
struct plain_score {
  using slot = slots::score;
  static constexpr bool takes_logits = true;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return r.logits;
  }
};

}  // namespace gmoe
