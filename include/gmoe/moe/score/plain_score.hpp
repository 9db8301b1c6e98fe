#pragma once
/// p = z: the router's numbers are the scores.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// For routers that decide by themselves, such as hashing.
struct plain_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return r.logits;
  }
};

}  // namespace gmoe
