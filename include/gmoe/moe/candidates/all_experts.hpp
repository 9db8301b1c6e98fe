#pragma once
/// Which experts may a token ask? A policy answers with a mask of zeros and ones, 1 x N or T x N, and logits stay
/// finite:
///
///     template <class B> matrix<B> mask(const place<B>& at, const routing<B>& r) const;
///
/// Scores that compete (softmax_score) leave the others out before they are made, all other scores become zero there,
/// and no selection asks them.

#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// All that the layer sees.
struct all_experts {
  using slot = slots::candidates;
  static constexpr bool none = true;
};

}  // namespace gmoe
