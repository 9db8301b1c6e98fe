#pragma once
/// What kernels are told besides matrices.

#include "gmoe/core/host_device.hpp"
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

/// How an expert's room follows from what is asked for: P pairs of T tokens among N experts, and the capacity factor c.
/// Empty slots are no pairs, and who has only those is none of the T.
enum class room {
  rounded_up,  ///< floor(c ceil(P / N)): the baselines as GMoE's authors run them
  exact,       ///< floor(c P / N): most papers, where P = k T
  tokens,      ///< floor(c T / N), however many experts a token asks for: GMoE's authors without the local expert
};

/// Pairs that one expert takes.
struct capacity_rule {
  double factor = 1;  ///< c
  room how = room::rounded_up;

  GMOE_HD index_t operator()(index_t pairs, index_t tokens, index_t experts) const {
    const index_t asked = how == room::tokens ? tokens : pairs;
    const double share = how == room::rounded_up ? static_cast<double>((asked + experts - 1) / experts)
                                                 : static_cast<double>(asked) / static_cast<double>(experts);
    const double most = factor * share;
    return most < 0x1p62 ? static_cast<index_t>(most) : index_t{1} << 62;
  }
};

/// Shape of an attention: T = batch * sequence rows; heads divides d_model.
struct attention_shape {
  index_t batch = 1, sequence = 1, heads = 1;
  double dropout = 0;   ///< probability of dropping an attention probability
  index_t sharing = 1;  ///< heads of queries that look at the same keys and values; divides `heads`

  /// Heads of keys and values.
  constexpr index_t key_heads() const { return heads / sharing; }
  /// Columns of [Q | K | V] for y of d columns.
  constexpr index_t columns(index_t d) const { return d + 2 * (d / sharing); }
};

}  // namespace gmoe
