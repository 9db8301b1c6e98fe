#pragma once
/// GPT-2's attention: one projection to [Q | K | V], causal attention, one projection back.

#include <cmath>

#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/attention.hpp"

namespace gmoe::nn {

template <class B>
struct causal_attention {
  linear<B> c_attn, c_proj;  ///< d x 3d, d x d
  index_t heads;
  double dropout;

  /// The output projection starts smaller, by sqrt(2 L), as it adds to the residual stream.
  static causal_attention make(const builder<B>& make, const sizes& s) {
    return {linear<B>::make(make.scope("c_attn"), s.d_model, 3 * s.d_model, s.initializer_range),
            linear<B>::make(make.scope("c_proj"), s.d_model, s.d_model,
                            s.initializer_range / std::sqrt(2.0 * static_cast<double>(s.layers))),
            s.heads, s.dropout};
  }

  variable<B> operator()(const context<B>& ctx, const variable<B>& x) const { return join(ctx, heads_of(ctx, x)); }

  /// What heads_of made on its way.
  struct on_the_way {
    variable<B> qkv;     ///< T x 3d
    matrix<B> log_sums;  ///< T x heads, see causal_attention; empty where a cache is read
  };
  /// What the heads read, side by side, T x d.
  variable<B> heads_of(const context<B>& ctx, const variable<B>& x) const {
    on_the_way not_asked;
    return heads_of(ctx, x, not_asked);
  }
  variable<B> heads_of(const context<B>& ctx, const variable<B>& x, on_the_way& made) const {
    const double p = ctx.training ? dropout : 0.0;
    const auto b = static_cast<std::size_t>(ctx.block);
    const variable<B> qkv = made.qkv = c_attn(ctx, x);
    const index_t probabilities = ctx.batch * heads * ctx.sequence * ctx.sequence;
    const random_stream random = ctx.stream(random_site::attention, probabilities);
    show_mask(ctx, "attention_mask", ctx.batch * heads * ctx.sequence, ctx.sequence, p, random);
    return ctx.cache ? attention_cached(qkv, ctx.cache->keys[b], ctx.cache->values[b], ctx.cache->length, heads)
                     : gmoe::causal_attention(qkv, {ctx.batch, ctx.sequence, heads, p}, random, made.log_sums);
  }
  /// What becomes of it.
  variable<B> join(const context<B>& ctx, const variable<B>& heads_side_by_side) const {
    return nn::dropout(ctx, c_proj(ctx, heads_side_by_side), ctx.training ? dropout : 0.0,
                       random_site::attention_output, "attn_out_mask");
  }
};

}  // namespace gmoe::nn
