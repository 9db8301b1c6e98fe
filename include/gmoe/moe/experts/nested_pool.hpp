#pragma once
/// A dense layer whose first hidden units are experts by themselves (after Jain et al. 2024, Mixture of Nested
/// Experts).

#include <algorithm>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Nested expert i of N has the first d_ff / 2^(N - 1 - i) of a layer's d_ff hidden units, rounded down but at least
/// i + 1 of them, so that the last one is the whole layer. The pool's experts are the rings between them, which do not
/// overlap: a token of nested expert i visits rings 0 to i. A pool for every layer.
struct nested_pool {
  using slot = slots::experts;
  layer_pool of{};

  /// Hidden units of ring `expert`.
  index_t width(const sizes& s, index_t expert) const {
    const index_t i = expert % s.experts;
    return units(s, i) - (i > 0 ? units(s, i - 1) : 0);
  }

 private:
  static index_t units(const sizes& s, index_t i) {
    require(s.d_ff >= s.experts, "d_ff = ", s.d_ff, " hidden units cannot hold experts = ", s.experts,
            " that each have one more than the last");
    const index_t halvings = s.experts - 1 - i;
    return std::max(i + 1, halvings < 62 ? s.d_ff >> halvings : 0);
  }
};

}  // namespace gmoe
