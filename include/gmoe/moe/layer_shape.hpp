#pragma once
/// What a policy knows of its layer when it is built and when it runs.

#include "gmoe/moe/seen_experts.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// The sizes of the model as one layer sees them (`experts` are those that it can route to, `d_model` the columns of
/// its input), where it is, and what its pool publishes.
struct layer_shape : sizes {
  index_t block = 0;           ///< number of the block
  index_t moe_layer = 0;       ///< number among the blocks with a mixture
  index_t moe_layers = 1;      ///< how many blocks have one
  index_t columns = 1;         ///< of the router's logits: one per expert, or what score or form ask for
  index_t granularity = 1;     ///< g: parts that make up one whole expert
  index_t shared_experts = 0;  ///< parts that the pool sets aside for every token
  index_t groups = 1;          ///< of neighbouring experts, equally many, where the pool makes some
  pool_view pool{};            ///< the experts that it sees
  index_t pool_size = 0;       ///< experts of the whole pool
  index_t rounds = 1;          ///< of the form, where each has a routing of its own
  index_t rows_per_token = 1;  ///< that the form's parts see: more where it cuts tokens into parts
};

}  // namespace gmoe
