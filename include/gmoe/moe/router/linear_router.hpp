#pragma once
/// z = W x: the standard router.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// One matrix per layer, no bias, no state.
struct linear_router {
  using slot = slots::router;

  template <class B>
  struct layer {
    parameter<B> gate;  ///< N x d, or as many rows as the score asks for logits
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("gate", l.columns, l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(x, at.use(my.layer.gate), op::transpose);
  }
};

}  // namespace gmoe
