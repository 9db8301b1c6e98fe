#pragma once
/// What a language model is around its mixtures: embeddings, norms, attention, the blocks without a mixture, the head.
///
///     u = wte[token] + wpe[position]
///     for each block:  a = u + attention(ln_1(u));   u = a + moe(ln_2(a))
///     logits = ln_f(u) wte'

#include <string>
#include <utility>
#include <vector>

#include "gmoe/core/function_ref.hpp"
#include "gmoe/moe/cached.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/nn/dropout.hpp"

namespace gmoe {

/// It knows the policies that it asks and no card: those that answer alike share it.
template <class Positions, class Norm, class Attention, class Dense, class Head, class B>
class backbone_with {
 public:
  struct policies {
    Positions positions;
    Norm norm;
    Attention attention;
    Dense dense;
    Head head;
  };
  /// What mixture number `index` adds to `residual`, its input being `x`; both T x d.
  using mixture = function_ref<variable<B>(index_t index, const variable<B>& x, const variable<B>& residual)>;

  /// `mixed` are the blocks with a mixture, in their order.
  backbone_with(const builder<B>& make, const sizes& s, policies p, const std::vector<index_t>& mixed)
      : ask_(std::move(p)), wte_(make.normal("wte", s.vocab, s.d_model, s.initializer_range)), whole_{s} {
    add(ask_.positions, positions_, make, make, 0, whole_);
    index_t mixtures = 0, dense = 0;
    for (index_t b = 0; b < s.layers; ++b) {
      const builder<B> in_block = make.scope("h", b);
      block& made = blocks_.emplace_back();
      made.shape = {s, b};
      made.has_mixture = mixtures < std::ssize(mixed) && mixed[static_cast<std::size_t>(mixtures)] == b;
      made.number = made.has_mixture ? mixtures++ : dense++;
      add(ask_.norm, norms_, make, in_block.scope("ln_1"), 2 * b, made.shape);
      add(ask_.norm, norms_, make, in_block.scope("ln_2"), 2 * b + 1, made.shape);
      add(ask_.attention, attention_, make, in_block.scope("attn"), b, made.shape);
      if (!made.has_mixture) add(ask_.dense, dense_, make, in_block.scope("mlp"), made.number, made.shape);
      made.shape.moe_layer = made.number;
    }
    add(ask_.norm, norms_, make, make.scope("ln_f"), 2 * s.layers, whole_);
    add(ask_.head, head_, make, make, 0, whole_);
  }

  parameter<B>& token_embedding() { return wte_; }
  auto& final_norm() { return norms_.mine(last_norm()).layer.norm; }

  /// Final hidden states after ln_f, T x d; losses that attention adds are put into `found`. If it throws, nothing of
  /// it stays on the tape.
  variable<B> hidden(context<B> ctx, findings<B>& found, mixture ask_mixture) const {
    const typename tape<B>::attempt attempt(ctx.tape);
    const index_t first = ctx.cache ? ctx.cache->length : 0;
    require(first + ctx.sequence <= whole_.positions, "a sequence of ", first + ctx.sequence,
            " tokens is longer than the model's ", whole_.positions, " positions");
    ctx.block = -1;
    variable<B> u = ask_one(ask_.positions, positions_, 0, place<B>{ctx, whole_}, ctx.use(wte_), first);
    ctx.observe("embeddings", u);
    u = nn::dropout(ctx, u, whole_.dropout, random_site::embedding, "embeddings_mask");
    for (const block& b : blocks_) {
      ctx.block = b.shape.block;
      const place<B> at{ctx, b.shape, &found};
      const variable<B> attended = ask_one(ask_.attention, attention_, ctx.block, at, norm(at, 2 * ctx.block, u));
      ctx.observe("attn_out", attended);
      const variable<B> a = gmoe::add(u, attended);
      const variable<B> x = norm(at, 2 * ctx.block + 1, a);
      ctx.observe("moe_in", x);
      if (b.has_mixture) {
        // GPT-2's residual dropout of the feed-forward layer disappears with it, as in GMoE's code.
        u = gmoe::add(a, ask_mixture(b.number, x, a));
      } else {
        const variable<B> y = ask_one(ask_.dense, dense_, b.number, at, x);
        ctx.observe("dense_out", y);
        u = gmoe::add(a, y);
      }
      ctx.observe("block_out", u);
    }
    ctx.block = -1;
    const variable<B> normed = norm(place<B>{ctx, whole_}, last_norm(), u);
    ctx.observe("ln_f", normed);
    if (ctx.cache) ctx.cache->length += ctx.sequence;
    return normed;
  }

  /// What logits are made with, V x d.
  variable<B> head(const context<B>& ctx) const {
    return ask_one(ask_.head, head_, 0, place<B>{ctx, whole_}, ctx.use(wte_));
  }

  /// Every parameter and buffer once; mixtures list what stands in their block, and what they have in common.
  void list(kept_list<B>& all, function_ref<void(index_t)> list_mixture, function_ref<void()> list_common) {
    walk(wte_, all);
    positions_.list_layer(0, all);
    for (const block& b : blocks_) {
      norms_.list_layer(2 * b.shape.block, all);
      attention_.list_layer(b.shape.block, all);
      norms_.list_layer(2 * b.shape.block + 1, all);
      if (b.has_mixture)
        list_mixture(b.number);
      else
        dense_.list_layer(b.number, all);
    }
    attention_.list_shared(all);
    norms_.list_shared(all);
    positions_.list_shared(all);
    head_.list_shared(all);
    dense_.list_shared(all);
    list_common();
    norms_.list_layer(last_norm(), all);
    head_.list_layer(0, all);
  }
  /// What block b has besides norms and a mixture: its attention, its feed-forward layer.
  kept_list<B> kept_in_block(index_t b) {
    kept_list<B> all;
    const block& it = blocks_[static_cast<std::size_t>(b)];
    attention_.list_layer(b, all);
    if (!it.has_mixture) dense_.list_layer(it.number, all);
    return all;
  }
  /// What is there once beside the token embedding: positions and head.
  kept_list<B> kept_once() {
    kept_list<B> all;
    positions_.list_layer(0, all);
    positions_.list_shared(all);
    head_.list_layer(0, all);
    head_.list_shared(all);
    return all;
  }

  /// An empty cache for generating.
  kv_cache<B> make_cache() const {
    kv_cache<B> cache;
    for (const block& b : blocks_) {
      const index_t columns = cached_columns(b.shape);
      cache.keys.emplace_back(whole_.positions, columns);
      cache.values.emplace_back(whole_.positions, columns);
    }
    return cache;
  }

 private:
  struct block {
    layer_shape shape;
    bool has_mixture = false;
    index_t number = 0;  ///< among the mixtures, or among the others
  };
  template <class P>
  using kept_of = gmoe::kept<P, B, nothing>;

  /// Makes what a policy keeps for its layer `number`, for a block or for the whole model.
  template <class P>
  static void add(const P& policy, kept_of<P>& kept, const builder<B>& whole, const builder<B>& make, index_t number,
                  layer_shape where) {
    where.moe_layer = number;  // groups are those of the slot's own layers
    kept.add_layer(
        policy, {}, make, [&](index_t g) { return whole.scope(std::string(P::slot::name), g); }, where);
  }
  template <class P>
  static variable<B> ask_one(const P& policy, const kept_of<P>& kept, index_t layer, const place<B>& at,
                             const auto&... arguments) {
    typename kept_of<P>::carried none{};
    open_memories memories;
    auto& cached = memories.of<typename kept_of<P>::cached>(&kept, layer, at);
    return ask<hooks::apply>(policy, kept.my(layer, none, cached), at, arguments...);
  }
  variable<B> norm(const place<B>& at, index_t number, const variable<B>& x) const {
    return ask_one(ask_.norm, norms_, number, at, x);
  }
  index_t last_norm() const { return 2 * std::ssize(blocks_); }
  index_t cached_columns(const layer_shape& l) const {
    if constexpr (answers<hooks::cached_columns, Attention, nothing, const layer_shape&>)
      return ask<hooks::cached_columns>(ask_.attention, nothing{}, l);
    else
      return l.d_model;
  }

  policies ask_;
  parameter<B> wte_;
  layer_shape whole_;  ///< where a policy is asked outside of the blocks
  kept_of<Positions> positions_;
  kept_of<Norm> norms_;  ///< two per block, and the last
  kept_of<Attention> attention_;
  kept_of<Dense> dense_;
  kept_of<Head> head_;
  std::vector<block> blocks_;
};

/// The backbone of a card's models.
template <class Card, class B>
using backbone_of =
    backbone_with<answer<Card, slots::positions>, answer<Card, slots::norm>, answer<Card, slots::attention>,
                  answer<Card, slots::dense>, answer<Card, slots::head>, B>;

}  // namespace gmoe
