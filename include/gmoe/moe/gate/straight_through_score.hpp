#pragma once
/// A hard choice that learns as a soft one.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/stop_gradient.hpp"

namespace gmoe {

/// w = 1 with the gradient of p, for every chosen expert: the straight-through estimator (Bengio et al. 2013), of the
/// chosen experts alone. In full it would need the outputs of all others, too.
struct straight_through_score {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    const matrix<B> ones = matrix<B>::filled(r.scores.rows(), r.scores.cols(), 1);
    return straight_through(gather_elements(at.constant(ones), r.chosen), gather_elements(r.scores, r.chosen));
  }
};

}  // namespace gmoe
