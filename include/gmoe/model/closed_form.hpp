#pragma once
/// GMoE's numbers of parameters as formulas of its sizes, to hold against what a model counts.

#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Every parameter of a GMoE with a mixture in every block and a tied head:
///     V d + P d + 2 d  +  L (4 d^2 + 8 d)  +  L (2 d m + 2 d + 2 N + 3 N d)  +  2 N d m  +  6 d^2 + 6 d
/// embeddings and final norm, attention and norms, local experts and routing heads, the global pool, the GRU.
inline index_t gmoe_total_parameters(const sizes& s) {
  const index_t d = s.d_model, m = s.d_ff, n = s.experts, l = s.layers;
  return (s.vocab + s.positions + 2) * d + l * (4 * d * d + 8 * d) + l * (2 * d * m + 2 * d + 2 * n + 3 * n * d) +
         2 * n * d * m + 6 * d * d + 6 * d;
}

/// Active parameters as GMoE's authors print them, without router, biases and norms: V d + P d + L (4 d^2 + 4 d m).
inline index_t gmoe_active_parameters(const sizes& s) {
  const index_t d = s.d_model;
  return (s.vocab + s.positions) * d + s.layers * (4 * d * d + 4 * d * s.d_ff);
}

}  // namespace gmoe
