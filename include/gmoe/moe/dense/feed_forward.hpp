#pragma once
/// What do the blocks without a mixture compute?

#include <cmath>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// GPT-2's: W2 gelu(W1 x + b1) + b2, dropout on the output.
struct gpt2_feed_forward : dense_policy {
  template <class B>
  struct layer {
    nn::linear<B> c_fc, c_proj;
    double dropout;

    layer(const builder<B>& make, const sizes& s)
        : c_fc(make.scope("c_fc"), s.d_model, s.d_ff, s.initializer_range),
          c_proj(make.scope("c_proj"), s.d_ff, s.d_model,
                 s.initializer_range / std::sqrt(2.0 * static_cast<double>(s.layers))),
          dropout(s.dropout) {}
    variable<B> operator()(const context<B>& ctx, const variable<B>& x) {
      return nn::dropout(ctx, c_proj(ctx, gelu(c_fc(ctx, x))), dropout, random_site::feed_forward, "dense_out_mask");
    }
    void each(auto&& visit) {
      c_fc.each(visit);
      c_proj.each(visit);
    }
  };
};

/// A single expert without router and scale: W2 relu(W1 x), no biases.
struct relu_feed_forward : dense_policy {
  template <class B>
  struct layer : dense_expert<B, relu_expert> {
    layer(const builder<B>& make, const sizes& s)
        : dense_expert<B, relu_expert>(make, s.d_model, s.d_ff, s.initializer_range) {}
  };
};

}  // namespace gmoe
