#pragma once
/// The numbers of a model that every variant has; a card's own numbers are in its policies.

#include <tuple>

#include "gmoe/core/field.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// Sizes of the backbone, and how many experts of which width there are.
struct sizes {
  index_t vocab = 256;      ///< V: number of token ids
  index_t positions = 256;  ///< longest sequence (learned positions)
  index_t d_model = 128;    ///< d
  index_t layers = 4;       ///< L: blocks
  index_t heads = 4;        ///< attention heads; divides d_model
  index_t d_ff = 512;       ///< m: hidden width of an expert, and of dense feed-forward layers
  index_t experts = 8;      ///< N: routed experts (of the global pool, or per layer), before any splitting
  double dropout = 0.0;     ///< of embeddings, attention probabilities and residual branches; GPT-2: 0.1
  double layer_norm_epsilon = 1e-5;
  double initializer_range = 0.02;  ///< standard deviation of initial weights

  static constexpr auto fields = std::tuple{
      field{"vocab", &sizes::vocab, "number of token ids", at_least(1)},
      field{"positions", &sizes::positions, "longest sequence, in tokens", at_least(1)},
      field{"d_model", &sizes::d_model, "width of a token's vector", at_least(1)},
      field{"layers", &sizes::layers, "transformer blocks", at_least(1)},
      field{"heads", &sizes::heads, "attention heads; a divisor of d_model", at_least(1)},
      field{"d_ff", &sizes::d_ff, "hidden width of an expert and of dense feed-forward layers", at_least(1)},
      field{"experts", &sizes::experts, "routed experts: of the global pool, or of each layer", at_least(0)},
      field{"dropout", &sizes::dropout, "dropout probability in training; GPT-2 used 0.1", below(0, 1)},
      field{"layer_norm_epsilon", &sizes::layer_norm_epsilon, "added to variances in layer normalisation", above(0)},
      field{"initializer_range", &sizes::initializer_range, "standard deviation of initial weights", at_least(0)}};
};

}  // namespace gmoe
