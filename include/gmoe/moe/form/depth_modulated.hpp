#pragma once
/// A learned vector of the layer is added to what router and experts see, so that experts which several layers share
/// can tell where they are (MoRE).
///
///     x' = x + dep^l        y = always(x') + sum over the chosen experts of w_e E_e(x'), routed by x' too

#include "gmoe/moe/form/one_pass.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"

namespace gmoe {

/// One pass over x + dep^l. dep^l begins as Normal(0, initializer_range), as embeddings do.
struct depth_modulated {
  using slot = slots::form;

  template <class B>
  struct layer {
    parameter<B> depth;  ///< dep^l: 1 x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("depth_bias", 1, l.d_model, l.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    return one_pass{}(at, parts, add_row(x, at.use(my.layer.depth)));
  }
};

}  // namespace gmoe
