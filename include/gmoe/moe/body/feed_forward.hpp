#pragma once
/// What one expert computes: E(x) = W2 act(W1 x), without biases.

#include "gmoe/core/functions.hpp"
#include "gmoe/core/slot.hpp"

namespace gmoe {

/// ReLU between the matrices: GMoE and all baselines of its authors.
struct relu_expert : body_policy {
  using activation = fn::relu;
  static constexpr bool slope_from_output = true;  ///< only act's output is kept for the backward pass
};

/// GELU between the matrices.
struct gelu_expert : body_policy {
  using activation = fn::gelu;
  static constexpr bool slope_from_output = false;
};

/// SiLU between the matrices.
struct silu_expert : body_policy {
  using activation = fn::silu;
  static constexpr bool slope_from_output = false;
};

}  // namespace gmoe
