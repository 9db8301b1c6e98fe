#pragma once
/// What kernels are told besides matrices.

#include "gmoe/core/index.hpp"

namespace gmoe {

/// Whether a factor enters a product as it lies or transposed.
enum class op { none, transpose };

/// Which pairs win when an expert is asked by more tokens than its capacity.
enum class priority {
  token_order,    ///< earlier tokens first; all slots of a token before the next token
  choice_order,   ///< all first choices, then all second choices, ...; token order within
  within_choice,  ///< every choice has a capacity of its own, in token order
};

/// Shape of an attention: T = batch * sequence rows; heads divides d_model.
struct attention_shape {
  index_t batch = 1, sequence = 1, heads = 1;
  double dropout = 0;  ///< probability of dropping an attention probability
};

}  // namespace gmoe
