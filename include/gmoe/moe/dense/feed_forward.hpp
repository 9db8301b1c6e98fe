#pragma once
/// What do the blocks without a mixture compute?

#include <cmath>

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/linear.hpp"

namespace gmoe {

/// GPT-2's: W2 gelu(W1 x + b1) + b2, dropout on the output.
struct gpt2_feed_forward {
  using slot = slots::dense;

  template <class B>
  struct layer {
    nn::linear<B> c_fc, c_proj;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::linear<B>::make(make.scope("c_fc"), l.d_model, l.d_ff, l.initializer_range),
            nn::linear<B>::make(make.scope("c_proj"), l.d_ff, l.d_model,
                                l.initializer_range / std::sqrt(2.0 * static_cast<double>(l.layers)))};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    return nn::dropout(at, my.layer.c_proj(at, gelu(my.layer.c_fc(at, x))), at.layer.dropout, random_site::feed_forward,
                       "dense_out_mask");
  }
};

/// A single expert without router and scale: W2 relu(W1 x), no biases.
struct relu_feed_forward {
  using slot = slots::dense;

  template <class B>
  struct layer {
    dense_expert<B, relu_expert> expert;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {dense_expert<B, relu_expert>::make(make, relu_expert{}, l.d_model, l.d_ff, l.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    return my.layer.expert(at, x);
  }
};

}  // namespace gmoe
