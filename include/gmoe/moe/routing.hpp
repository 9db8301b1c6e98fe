#pragma once
/// Routing is data: the one value that travels between router, selection, experts, balance loss and analysis.

#include <vector>

#include "gmoe/autograd/variable.hpp"
#include "gmoe/backend/dispatch.hpp"

namespace gmoe {

/// How one layer routed T tokens over its N experts, K slots per token.
template <class B>
struct routing {
  index_t block = 0;    ///< the block of the model
  index_t experts = 0;  ///< N
  variable<B> logits;   ///< T x N, z
  variable<B> scores;   ///< T x N, p
  id_matrix<B> chosen;  ///< T x K, best first: what the router asked for (`no_choice`: an empty slot)
  id_matrix<B> kept;    ///< T x K: what it got, after capacity and random rules
  variable<B> weights;  ///< T x K, w; nothing means weight 1
  dispatch<B> pairs;    ///< `kept` sorted by expert
};

/// What a selection hears after an optimiser step: how its layer routed in all training passes of the step together.
struct routing_statistics {
  index_t passes = 0;         ///< forward passes, at least one
  index_t tokens = 0;         ///< of all passes
  index_t pairs = 0;          ///< chosen ones, dropped or not
  std::vector<index_t> load;  ///< N: the pairs that chose each expert
};

/// What a layer is told when it is built.
struct layer_shape {
  index_t block = 0;       ///< number of the block
  index_t moe_layer = 0;   ///< number among the blocks with a mixture
  index_t moe_layers = 1;  ///< how many blocks have one
  index_t experts = 1;     ///< N: experts that this layer sees
};

}  // namespace gmoe
