#pragma once
/// The numbers of a model: everything that a checkpoint or a command line brings.

#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// Sizes and coefficients. Which policies use them is the card's business; unused ones are ignored
/// (model/size_use.hpp tells which those are).
struct sizes {
  index_t vocab = 256;                   ///< V: number of token ids
  index_t positions = 256;               ///< longest sequence (learned positions)
  index_t d_model = 128;                 ///< d
  index_t layers = 4;                    ///< L: blocks
  index_t heads = 4;                     ///< attention heads; divides d_model
  index_t d_ff = 512;                    ///< m: hidden width of an expert, and of dense feed-forward layers
  index_t experts = 8;                   ///< N: routed experts (of the global pool, or per layer), before any splitting
  index_t top_k = 0;                     ///< k: experts per token; 0 takes the card's own
  index_t granularity = 1;               ///< g: parts that fine-grained cards split an expert into
  index_t shared_experts = 1;            ///< always-on experts of cards that have several
  std::vector<index_t> moe_blocks = {};  ///< blocks with a mixture, for the placement `listed_blocks`
  double capacity_factor = 1.25;
  double balance_alpha = 0.01;  ///< coefficient of the load balancing loss
  double dropout = 0.0;         ///< of embeddings, attention probabilities and residual branches; GPT-2: 0.1
  double layer_norm_epsilon = 1e-5;
  double initializer_range = 0.02;  ///< standard deviation of initial weights
};

/// Visits every field by name: visit("d_model", value). For options, checkpoints and tables.
template <class Sizes>
void each_field(Sizes& s, auto&& visit) {
  visit("vocab", s.vocab);
  visit("positions", s.positions);
  visit("d_model", s.d_model);
  visit("layers", s.layers);
  visit("heads", s.heads);
  visit("d_ff", s.d_ff);
  visit("experts", s.experts);
  visit("top_k", s.top_k);
  visit("granularity", s.granularity);
  visit("shared_experts", s.shared_experts);
  visit("moe_blocks", s.moe_blocks);
  visit("capacity_factor", s.capacity_factor);
  visit("balance_alpha", s.balance_alpha);
  visit("dropout", s.dropout);
  visit("layer_norm_epsilon", s.layer_norm_epsilon);
  visit("initializer_range", s.initializer_range);
}

}  // namespace gmoe
