#pragma once
/// What every token gets besides its routed experts: one expert per layer, or nothing.

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// One expert of the layer's own with weight 1, outside softmax and balance (GMoE's local expert).
struct local_expert : always_policy {
  template <class B, class Body>
  struct layer {
    dense_expert<B, Body> expert;

    layer(const builder<B>& make, const sizes& s, const layer_shape&)
        : expert(make, s.d_model, s.d_ff, s.initializer_range) {}
    variable<B> operator()(const context<B>& ctx, const variable<B>& x) { return expert(ctx, x); }
    void each(auto&& visit) { expert.each(visit); }
  };
};

/// Routed experts only.
struct no_local_expert : always_policy {
  template <class B, class Body>
  struct layer {
    layer(const builder<B>&, const sizes&, const layer_shape&) {}
    void each(auto&&) {}
  };
};

}  // namespace gmoe
