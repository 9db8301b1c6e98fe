#pragma once
/// The numbers of a model: everything that a checkpoint or a command line brings.

#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// Sizes and coefficients. Which policies use them is the card's business; unused ones are ignored.
struct sizes {
  index_t vocab = 256;         ///< V: number of token ids
  index_t positions = 256;     ///< longest sequence (learned positions)
  index_t d_model = 128;       ///< d
  index_t layers = 4;          ///< L: blocks
  index_t heads = 4;           ///< attention heads; divides d_model
  index_t d_ff = 512;          ///< m: hidden width of an expert, and of dense feed-forward layers
  index_t experts = 8;         ///< N: routed experts (of the global pool, or per layer), before any splitting
  index_t top_k = 0;           ///< k: experts per token; 0 takes the card's own
  index_t granularity = 1;     ///< g: parts that fine-grained cards split an expert into
  index_t shared_experts = 1;  ///< always-on experts of cards that have several
  std::vector<index_t> moe_blocks = {};  ///< blocks with a mixture, for the placement `listed_blocks`
  double capacity_factor = 1.25;
  double balance_alpha = 0.01;           ///< coefficient of the load balancing loss
  double dropout = 0.0;                  ///< of embeddings, attention probabilities and residual branches; GPT-2: 0.1
  double layer_norm_epsilon = 1e-5;
  double initializer_range = 0.02;       ///< standard deviation of initial weights
};

}  // namespace gmoe
