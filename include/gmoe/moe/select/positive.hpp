#pragma once
/// Every expert that has a weight: for gates that learn which of them to leave out (DSelect-k, COMET, ReLU routing).

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// The experts whose score is above 0, lower numbers first: none, some or all of them. Where a score of 0 has no
/// gradient either, leaving its expert out is exact. How many they are on average the router may say:
/// `experts_per_token`.
struct positive {
  using slot = slots::select;
  index_t at_most(const layer_shape& l) const { return l.experts; }

  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return choose_above(r.scores.value(), 0, r.experts);
  }
};

}  // namespace gmoe
