#pragma once
/// Sizes that fit together, or an exception that names the value and the expectation.

#include <algorithm>
#include <cmath>

#include "gmoe/core/error.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Throws config_error unless the sizes make a model for this card.
template <class Card>
void check_sizes(const sizes& s) {
  const auto positive = [](index_t value, const char* name) {
    require(value >= 1, name, " is ", value, ", expected at least 1");
  };
  positive(s.vocab, "vocab");
  positive(s.positions, "positions");
  positive(s.d_model, "d_model");
  positive(s.layers, "layers");
  positive(s.heads, "heads");
  positive(s.d_ff, "d_ff");
  require(s.d_model % s.heads == 0, "d_model = ", s.d_model, " is not divisible by heads = ", s.heads);
  require(s.top_k >= 0, "top_k is ", s.top_k, ", expected at least 1, or 0 for the card's own");
  require(s.dropout >= 0 && s.dropout < 1, "dropout is ", s.dropout, ", expected [0, 1)");
  require(s.capacity_factor > 0, "capacity_factor is ", s.capacity_factor, ", expected a positive number");
  require(s.balance_alpha >= 0, "balance_alpha is ", s.balance_alpha, ", expected 0 or a positive number");
  require(s.layer_norm_epsilon > 0, "layer_norm_epsilon is ", s.layer_norm_epsilon, ", expected a positive number");
  require(s.initializer_range >= 0, "initializer_range is ", s.initializer_range, ", expected 0 or a positive number");
  for (double v : {s.capacity_factor, s.balance_alpha, s.layer_norm_epsilon, s.initializer_range})
    require(std::isfinite(v), "a coefficient is ", v, ", expected a finite number");
  constexpr index_t limit = index_t{1} << 31;
  for (index_t n : {s.vocab, s.positions, s.d_model, s.layers, s.d_ff, s.experts, s.top_k, s.shared_experts})
    require(n < limit, "a size of ", n, " is beyond ", limit - 1);
  // All experts of all layers, their parts, and attention: what is counted must be a number.
  const auto d = static_cast<double>(s.d_model);
  const double units = static_cast<double>(s.experts + s.shared_experts + 1) * static_cast<double>(s.d_ff);
  require(static_cast<double>(s.layers) * d * (units + d) < 0x1p60, "layers = ", s.layers, ", d_model = ", s.d_model,
          ", d_ff = ", s.d_ff, " and experts = ", s.experts, " make a model that is too large");
  for (index_t b : s.moe_blocks)
    require(b >= 0 && b < s.layers, "moe_blocks lists block ", b, ", but there are blocks 0 to ", s.layers - 1);

  bool any = false;
  for (index_t b = 0; b < s.layers; ++b) any = any || Card::placement::has_experts(s, b);
  if (!any) return;
  positive(s.experts, "experts");
  positive(s.granularity, "granularity");
  require(s.shared_experts >= 0, "shared_experts is ", s.shared_experts, ", expected 0 or more");
  require(s.d_ff % s.granularity == 0, "d_ff = ", s.d_ff, " is not divisible by granularity = ", s.granularity);
}

}  // namespace gmoe
