#pragma once
/// Whom a token may ask as it goes from stratum to stratum.

#include <algorithm>

#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/strata.hpp"

namespace gmoe {

/// In round s of a form the experts of stratum s and of those after it, where there are as many strata as rounds.
struct strata_ahead {
  using slot = slots::candidates;

  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r) const {
    if (at.round_number == 0) return {};
    recycled_vector<typename B::scalar> open(static_cast<std::size_t>(r.experts), 1);
    std::fill_n(open.begin(), strata{r.experts, at.layer.rounds}.first(at.round_number), typename B::scalar(0));
    return matrix<B>::from_host(open, 1, r.experts);
  }
};

}  // namespace gmoe
