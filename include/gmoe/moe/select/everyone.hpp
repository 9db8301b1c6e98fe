#pragma once
/// A dense mixture: every token asks all.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// Every expert that a token may ask, the largest score first.
struct everyone {
  using slot = slots::select;
  index_t at_most(const layer_shape& l) const { return l.experts; }

  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return r.mask.empty() ? choose_top_k(r.scores.value(), r.experts)
                          : choose_top_k(r.scores.value(), r.experts, r.mask);
  }
};

}  // namespace gmoe
