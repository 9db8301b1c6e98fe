#pragma once
/// A vector that every token gets besides.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// b2 of the layer whose slices are the experts: once, however many of them a token visits. 0 at first.
struct output_bias {
  using slot = slots::always;

  template <class B>
  struct layer {
    parameter<B> bias;  ///< 1 x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant("bias", 1, l.d_model, 0)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>&, const auto& my) const {
    return repeat_rows(at.use(my.layer.bias), x.rows());
  }
};

}  // namespace gmoe
