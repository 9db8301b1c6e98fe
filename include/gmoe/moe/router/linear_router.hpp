#pragma once
/// z = W x: the standard router.

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// One matrix per layer, no bias, no state.
struct linear_router : router_policy {
  template <class B>
  struct layer {
    parameter<B> gate;  ///< N x d

    layer(const builder<B>& make, const sizes& s, const layer_shape& l)
        : gate(make.linear("gate", l.experts, s.d_model)) {}
    variable<B> logits(const context<B>& ctx, const variable<B>& x) { return matmul(x, ctx.use(gate), op::transpose); }
    void each(auto&& visit) { visit(gate); }
  };
};

}  // namespace gmoe
