#pragma once
/// A GPT-2 style language model whose feed-forward layers are mixtures of experts.
///
///     u = wte[token] + wpe[position]
///     for each block:  a = u + attention(ln_1(u));   u = a + moe(ln_2(a))
///     logits = ln_f(u) wte'

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/backend/contract.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/check_sizes.hpp"
#include "gmoe/moe/layer.hpp"
#include "gmoe/nn/causal_attention.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// The losses of one batch, each 1 x 1. total = language + balance.
template <class B>
struct losses {
  variable<B> total;
  variable<B> language;  ///< mean cross entropy in nats per token
  variable<B> balance;   ///< the card's balance loss; nothing where it has none
};

/// `Card` answers the questions of gmoe/core/slot.hpp, `B` is a backend such as cpu<float>.
template <class Card, class B>
class language_model {
  static_assert(backend<B>,
                "gmoe: the second argument of language_model is not a backend (see gmoe/backend/contract.hpp)");
  static_assert(check_card<Card>());
  using router = typename Card::router;
  using router_layer = typename router::template layer<B>;
  using dense_layer = typename Card::dense::template layer<B>;

 public:
  using card = Card;
  using backend_type = B;

  /// One transformer block. Exactly one of `moe` and `dense` is there.
  struct block {
    nn::layer_norm<B> ln_1;
    nn::causal_attention<B> attention;
    nn::layer_norm<B> ln_2;
    std::optional<moe_layer<Card, B>> moe;
    std::optional<dense_layer> dense;

    block(const builder<B>& make, const sizes& s)
        : ln_1(make.scope("ln_1"), s.d_model, s.layer_norm_epsilon),
          attention(make.scope("attn"), s),
          ln_2(make.scope("ln_2"), s.d_model, s.layer_norm_epsilon) {}
  };

  /// Throws config_error if the sizes do not fit. With build_mode::shapes_only nothing is allocated: for counting.
  explicit language_model(const sizes& s, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : sizes_(checked(s)),
        make_(seed, mode),
        wte_(make_.normal("wte", s.vocab, s.d_model, s.initializer_range)),
        wpe_(make_.normal("wpe", s.positions, s.d_model, s.initializer_range)),
        moe_layers_(count_moe_layers(s)),
        bank_(make_.scope("experts"), s.d_model, widths(s), s.initializer_range),
        shared_(make_shared(make_, s)),
        ln_f_(make_.scope("ln_f"), s.d_model, s.layer_norm_epsilon) {
    blocks_.reserve(static_cast<std::size_t>(s.layers));
    index_t layer = 0;
    for (index_t b = 0; b < s.layers; ++b) {
      const builder<B> make = make_.scope("h", b);
      blocks_.emplace_back(make, s);
      if (!Card::placement::has_experts(s, b)) {
        blocks_.back().dense.emplace(make.scope("mlp"), s);
        continue;
      }
      std::vector<id_type> visible = Card::experts::visible(s, moe_layers_, layer);
      bank_.check_visible(visible, b);
      const layer_shape shape{b, layer, moe_layers_, static_cast<index_t>(visible.size())};
      require(Card::select::slots(s) <= shape.experts, "top_k = ", Card::select::slots(s),
              " experts per token, but block ", b, " has only ", shape.experts);
      blocks_.back().moe.emplace(make.scope("moe"), s, shape, std::move(visible));
      const auto instance = static_cast<std::size_t>(router_instance(layer));
      if (instance >= routers_.size()) {
        require(instance == routers_.size(), "the router's instance numbers must grow by one, layer ", layer,
                " asks for instance ", instance);
        routers_.emplace_back(make_.scope("router", router_instance(layer)), s, shape);
      }
      ++layer;
    }
    routings_.resize(static_cast<std::size_t>(moe_layers_));
  }

  const sizes& shape() const { return sizes_; }
  index_t moe_layers() const { return moe_layers_; }
  std::vector<block>& blocks() { return blocks_; }
  expert_bank<B>& bank() { return bank_; }
  /// The router layer that serves mixture number `layer`.
  router_layer& router_of(index_t layer) { return routers_[static_cast<std::size_t>(router_instance(layer))]; }
  /// All router layers; fewer than mixtures where a router serves several.
  std::vector<router_layer>& routers() { return routers_; }
  router_shared_t<router, B>& router_shared() { return shared_; }
  parameter<B>& token_embedding() { return wte_; }
  parameter<B>& position_embedding() { return wpe_; }
  nn::layer_norm<B>& final_norm() { return ln_f_; }
  /// How the last forward pass routed, one entry per mixture in depth order.
  const std::vector<routing<B>>& routings() const { return routings_; }

  /// Optimiser steps that made the parameters what they are: what schedules see outside of training. Set by who trains
  /// or restores them.
  std::int64_t step() const { return step_; }
  void set_step(std::int64_t step) { step_ = step; }

  /// Final hidden states after ln_f, T x d. `ctx` says where and how; its tokens must be checked (see batch). If it
  /// throws, nothing of it stays on the tape.
  variable<B> hidden(context<B>& ctx) {
    const typename tape<B>::attempt attempt(ctx.tape);
    const index_t first = ctx.cache ? ctx.cache->length : 0;
    require(first + ctx.sequence <= sizes_.positions, "a sequence of ", first + ctx.sequence,
            " tokens is longer than the model's ", sizes_.positions, " positions");
    ctx.block = -1;
    variable<B> u = embed(ctx.use(wte_), ctx.use(wpe_), ctx.tokens, first, ctx.sequence);
    ctx.observe("embeddings", u);
    u = nn::dropout(ctx, u, sizes_.dropout, random_site::embedding, "embeddings_mask");
    router_state_t<router, B> state{};
    index_t layer = 0;
    for (block& b : blocks_) {
      ctx.block = &b - blocks_.data();
      const variable<B> attended = b.attention(ctx, b.ln_1(ctx, u));
      ctx.observe("attn_out", attended);
      const variable<B> a = add(u, attended);
      const variable<B> x = b.ln_2(ctx, a);
      ctx.observe("moe_in", x);
      if (b.moe) {
        auto& r = routings_[static_cast<std::size_t>(layer)];
        const auto y = (*b.moe)(ctx, sizes_, x, bank_, router_of(layer), shared_, state, r);
        ++layer;
        // GPT-2's residual dropout of the feed-forward layer disappears with it, as in GMoE's code.
        u = y.always ? add(a, y.always, y.routed) : add(a, y.routed);
      } else {
        const variable<B> y = (*b.dense)(ctx, x);
        ctx.observe("dense_out", y);
        u = add(a, y);
      }
      ctx.observe("block_out", u);
    }
    ctx.block = -1;
    const variable<B> normed = ln_f_(ctx, u);
    ctx.observe("ln_f", normed);
    if (ctx.cache) ctx.cache->length += ctx.sequence;
    if (ctx.training) count_pass();
    return normed;
  }

  /// Logits, T x V, of hidden states: the head is tied to the token embedding.
  variable<B> logits(context<B>& ctx, const variable<B>& hidden) {
    return matmul(hidden, ctx.use(wte_), op::transpose);
  }

  /// Losses of a batch; records on `ctx.tape` if there is one, and leaves nothing there if it throws.
  losses<B> loss(context<B>& ctx, const batch<B>& data) {
    const typename tape<B>::attempt attempt(ctx.tape);
    require<data_error>(data.targets.size() == data.tokens.size(), "the batch has no targets");
    read(ctx, data);
    losses<B> l;
    l.language = linear_cross_entropy(hidden(ctx), ctx.use(wte_), data.targets, data.scored);
    l.balance = balance_loss(ctx);
    l.total = l.balance ? add(l.language, l.balance) : l.language;
    return l;
  }

  /// Points `ctx` at a batch.
  static void read(context<B>& ctx, const batch<B>& data) {
    ctx.batch = data.size;
    ctx.sequence = data.sequence;
    ctx.tokens = data.tokens;
  }

  /// The card's balance loss of the last forward pass: over all layers, or the mean of the layers' own.
  variable<B> balance_loss(const context<B>& ctx) const {
    using balance = typename Card::balance;
    variable<B> total;
    if (routings_.empty()) return total;
    if constexpr (requires { balance::loss(ctx, sizes_, routings_); }) {
      total = balance::loss(ctx, sizes_, routings_);
    } else if constexpr (requires { balance::layer_loss(ctx, sizes_, routings_.front()); }) {
      for (const routing<B>& r : routings_) {
        const variable<B> term = balance::layer_loss(ctx, sizes_, r);
        total = total ? add(total, term) : term;
      }
      total = scale(total, 1.0 / static_cast<double>(routings_.size()));
    }
    return total;
  }

  /// Visits every parameter once: visit(parameter<B>&).
  void each_parameter(auto&& visit) {
    visit(wte_);
    visit(wpe_);
    for (block& b : blocks_) {
      b.ln_1.each(visit);
      b.attention.each(visit);
      b.ln_2.each(visit);
      if (b.moe) b.moe->each(visit);
      if (b.dense) b.dense->each(visit);
    }
    if (moe_layers_ > 0) {
      bank_.each(visit);
      if constexpr (requires { shared_.each(visit); }) shared_.each(visit);
      for (router_layer& r : routers_) r.each(visit);
    }
    ln_f_.each(visit);
  }
  std::vector<parameter<B>*> parameters() {
    std::vector<parameter<B>*> all;
    each_parameter([&](parameter<B>& p) { all.push_back(&p); });
    return all;
  }

  /// Visits what is saved with the model but not trained, such as a hash table: visit(name, matrix<B>&).
  void each_buffer(auto&& visit) {
    if (moe_layers_ == 0) return;
    for (block& b : blocks_)
      if (b.moe) b.moe->each_buffer(visit);
    if constexpr (requires { shared_.each_buffer(visit); }) shared_.each_buffer(visit);
    for (router_layer& r : routers_)
      if constexpr (requires { r.each_buffer(visit); }) r.each_buffer(visit);
  }

  /// Throws data_error, naming buffer, entry and value, if `values` cannot be the buffer `name`: asked before a file's
  /// numbers get into the model.
  template <class T>
  void check_buffer(std::string_view name, std::span<const T> values) const {
    if (moe_layers_ == 0) return;
    for (const block& b : blocks_)
      if (b.moe) b.moe->check_buffer(name, values);
    if constexpr (requires { shared_.check_buffer(name, values); }) shared_.check_buffer(name, values);
    for (const router_layer& r : routers_)
      if constexpr (requires { r.check_buffer(name, values); }) r.check_buffer(name, values);
  }

  /// To be called after every optimiser step: lets selections adjust what they keep to the routing of all forward
  /// passes in training since the last call, or since forget_passes().
  void after_step() {
    for (block& b : blocks_)
      if (b.moe) b.moe->after_step(sizes_);
  }
  /// Counts the last pass among those of the optimiser step; passes in training do by themselves.
  void count_pass() {
    for (block& b : blocks_)
      if (b.moe) b.moe->count_pass(routing_of(b));
  }
  /// To be called where a step begins, or is given up: passes before do not belong to it.
  void forget_passes() {
    for (block& b : blocks_)
      if (b.moe) b.moe->forget_passes();
  }

  /// An empty cache for generating from this model.
  kv_cache<B> make_cache() const {
    kv_cache<B> cache;
    for (index_t b = 0; b < sizes_.layers; ++b) {
      cache.keys.emplace_back(sizes_.positions, sizes_.d_model);
      cache.values.emplace_back(sizes_.positions, sizes_.d_model);
    }
    return cache;
  }

 private:
  static const sizes& checked(const sizes& s) {
    check_sizes<Card>(s);
    return s;
  }
  static index_t count_moe_layers(const sizes& s) {
    index_t count = 0;
    for (index_t b = 0; b < s.layers; ++b) count += Card::placement::has_experts(s, b);
    return count;
  }
  static std::vector<index_t> widths(const sizes& s) {
    const index_t layers = count_moe_layers(s);
    std::vector<index_t> w;
    for (index_t e = 0; layers > 0 && e < Card::experts::total(s, layers); ++e)
      if constexpr (requires { Card::experts::width(s, e); })
        w.push_back(Card::experts::width(s, e));
      else
        w.push_back(s.d_ff);
    return w;
  }
  static router_shared_t<router, B> make_shared(const builder<B>& make, const sizes& s) {
    if constexpr (requires { router_shared_t<router, B>(make, s); })
      return {make.scope("router"), s};
    else
      return {};
  }
  const routing<B>& routing_of(const block& b) const {
    return routings_[static_cast<std::size_t>(b.moe->shape().moe_layer)];
  }
  /// Routers may serve several layers (one router for all, or for blocks of layers).
  static index_t router_instance(index_t layer) {
    if constexpr (requires { router::instance(layer); })
      return router::instance(layer);
    else
      return layer;
  }

  sizes sizes_;
  builder<B> make_;
  parameter<B> wte_, wpe_;
  index_t moe_layers_;
  expert_bank<B> bank_;
  router_shared_t<router, B> shared_;
  std::vector<router_layer> routers_;
  std::vector<block> blocks_;
  nn::layer_norm<B> ln_f_;
  std::vector<routing<B>> routings_;
  std::int64_t step_ = 0;
};

}  // namespace gmoe
