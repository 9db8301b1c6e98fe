#pragma once
/// A GPT-2 style language model whose feed-forward layers are mixtures of experts.
///
///     u = wte[token] + wpe[position]
///     for each block:  a = u + attention(ln_1(u));   u = a + moe(ln_2(a))
///     logits = ln_f(u) wte'

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/backend/contract.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/check_sizes.hpp"
#include "gmoe/moe/stack.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

/// The losses of one batch, each 1 x 1: total = language + those of the mixtures. And what the pass found.
template <class B>
struct losses {
  variable<B> total;
  variable<B> language;  ///< mean cross entropy in nats per token
  variable<B> balance;   ///< the card's balance loss and what policies added; nothing where there is neither
  findings<B> found;
};

namespace detail {

/// What a block has besides attention and the feed-forward part.
template <class B>
struct model_block {
  layer_shape shape;
  nn::layer_norm<B> ln_1, ln_2;
  bool has_mixture = false;
  index_t number = 0;  ///< among the mixtures, or among the others
};

}  // namespace detail

/// `Card` answers the questions of gmoe/moe/slots.hpp, `B` is a backend such as cpu<float>. Constant while it runs.
template <class Card, class B>
class language_model {
  static_assert(backend<B>,
                "gmoe: the second argument of language_model is not a backend (see gmoe/backend/contract.hpp)");
  static_assert(check_slots<Card>());
  using body = answer<Card, slots::body>;

 public:
  using card_type = Card;
  using backend_type = B;
  using pass = moe_pass<Card, B>;

  explicit language_model(const sizes& s, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : language_model(s, Card{}, seed, mode) {}
  /// Throws config_error if the numbers do not fit. With build_mode::shapes_only nothing is allocated: for counting.
  language_model(const sizes& s, const Card& card, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : sizes_(checked(s, card)),
        make_(seed, mode),
        wte_(make_.normal("wte", s.vocab, s.d_model, s.initializer_range)),
        wpe_(make_.normal("wpe", s.positions, s.d_model, s.initializer_range)),
        moe_(make_, s, card),
        ln_f_(nn::layer_norm<B>::make(make_.scope("ln_f"), s.d_model, s.layer_norm_epsilon)) {
    index_t mixtures = 0, dense = 0;
    for (index_t b = 0; b < s.layers; ++b) {
      const builder<B> make = make_.scope("h", b);
      const bool mixture = mixtures < moe_.layers() && moe_.shape(mixtures).block == b;
      block& made = blocks_.emplace_back();
      made.shape = {s, b};
      made.ln_1 = nn::layer_norm<B>::make(make.scope("ln_1"), s.d_model, s.layer_norm_epsilon);
      made.ln_2 = nn::layer_norm<B>::make(make.scope("ln_2"), s.d_model, s.layer_norm_epsilon);
      made.has_mixture = mixture;
      made.number = mixture ? mixtures++ : dense++;
      made.shape.moe_layer = b;  // attention is in every block
      attention_.add_layer(
          answer_of<slots::attention>(card), {}, make.scope("attn"),
          [&](index_t g) { return make_.scope("attention", g); }, made.shape);
      made.shape.moe_layer = made.number;
      if (!mixture)
        dense_.add_layer(
            answer_of<slots::dense>(card), {}, make.scope("mlp"), [&](index_t g) { return make_.scope("dense", g); },
            made.shape);
    }
  }

  const sizes& shape() const { return sizes_; }
  const Card& card() const { return moe_.card(); }
  /// The mixtures.
  moe_stack<Card, B>& moe() { return moe_; }
  const moe_stack<Card, B>& moe() const { return moe_; }
  parameter<B>& token_embedding() { return wte_; }
  parameter<B>& position_embedding() { return wpe_; }
  nn::layer_norm<B>& final_norm() { return ln_f_; }

  /// Optimiser steps that made the parameters what they are: what schedules see outside of training. Set by who trains
  /// or restores them.
  std::int64_t step() const { return step_; }
  void set_step(std::int64_t step) { step_ = step; }

  /// Numbers of the file that the model came from which no part of it reads, such as the capacity factor of a model
  /// without a capacity: kept to be written again.
  const std::map<std::string, double>& unread_numbers() const { return unread_numbers_; }
  void set_unread_numbers(std::map<std::string, double> numbers) { unread_numbers_ = std::move(numbers); }

  /// A pass where `ctx` says; its tokens must be checked (see batch).
  pass begin(const context<B>& ctx) const { return moe_.begin(ctx); }

  /// Final hidden states after ln_f, T x d. If it throws, nothing of it stays on the tape.
  variable<B> hidden(pass& p) const {
    context<B> ctx = p.where();
    const typename tape<B>::attempt attempt(ctx.tape);
    const index_t first = ctx.cache ? ctx.cache->length : 0;
    require(first + ctx.sequence <= sizes_.positions, "a sequence of ", first + ctx.sequence,
            " tokens is longer than the model's ", sizes_.positions, " positions");
    ctx.block = -1;
    variable<B> u = embed(ctx.use(wte_), ctx.use(wpe_), ctx.tokens, first, ctx.sequence);
    ctx.observe("embeddings", u);
    u = nn::dropout(ctx, u, sizes_.dropout, random_site::embedding, "embeddings_mask");
    for (const block& b : blocks_) {
      ctx.block = b.shape.block;
      const place<B> at{ctx, b.shape};
      const variable<B> attended = attend(at, b.ln_1(ctx, u));
      ctx.observe("attn_out", attended);
      const variable<B> a = add(u, attended);
      const variable<B> x = b.ln_2(ctx, a);
      ctx.observe("moe_in", x);
      if (b.has_mixture) {
        // GPT-2's residual dropout of the feed-forward layer disappears with it, as in GMoE's code.
        u = add(a, moe_(p, b.number, x, a));
      } else {
        const variable<B> y = feed_forward(at, b.number, x);
        ctx.observe("dense_out", y);
        u = add(a, y);
      }
      ctx.observe("block_out", u);
    }
    ctx.block = -1;
    const variable<B> normed = ln_f_(ctx, u);
    ctx.observe("ln_f", normed);
    if (ctx.cache) ctx.cache->length += ctx.sequence;
    return normed;
  }
  variable<B> hidden(const context<B>& ctx) const {
    pass p = begin(ctx);
    return hidden(p);
  }

  /// Logits, T x V, of hidden states: the head is tied to the token embedding.
  variable<B> logits(const context<B>& ctx, const variable<B>& hidden) const {
    return matmul(hidden, ctx.use(wte_), op::transpose);
  }

  /// Losses of a batch; records on `ctx.tape` if there is one, and leaves nothing there if it throws. Only where `ctx`
  /// runs is read of it; the tokens are the batch's.
  losses<B> loss(const context<B>& ctx, const batch<B>& data) const {
    const typename tape<B>::attempt attempt(ctx.tape);
    require<data_error>(data.targets.size() == data.tokens.size(), "the batch has no targets");
    pass p = begin(reading(ctx, data));
    losses<B> l;
    l.language = linear_cross_entropy(hidden(p), ctx.use(wte_), data.targets, data.scored);
    l.balance = p.loss();
    l.total = l.balance ? add(l.language, l.balance) : l.language;
    l.found = std::move(p).found();
    return l;
  }

  /// `ctx` pointed at a batch.
  static context<B> reading(const context<B>& ctx, const batch<B>& data) { return gmoe::reading(ctx, data); }

  /// Every parameter and every buffer (what is saved with the model but not trained) once.
  kept_list<B> kept() {
    kept_list<B> all;
    walk(wte_, all);
    walk(wpe_, all);
    for (block& b : blocks_) {
      walk(b.ln_1, all);
      attention_.list_layer(b.shape.block, all);
      walk(b.ln_2, all);
      if (b.has_mixture)
        moe_.list_block(b.number, all);
      else
        dense_.list_layer(b.number, all);
    }
    attention_.list_shared(all);
    dense_.list_shared(all);
    moe_.list_common(all);
    walk(ln_f_, all);
    return all;
  }
  std::vector<parameter<B>*> parameters() { return kept().parameters; }
  /// visit(parameter<B>&)
  void each_parameter(auto&& visit) {
    for (parameter<B>* p : kept().parameters) visit(*p);
  }
  /// visit(buffer<B>&)
  void each_buffer(auto&& visit) {
    for (buffer<B>* b : kept().buffers) visit(*b);
  }
  /// What block b has besides norms and a mixture: its attention, its feed-forward layer.
  kept_list<B> kept_beside_mixture(index_t b) {
    kept_list<B> all;
    const block& it = blocks_[static_cast<std::size_t>(b)];
    attention_.list_layer(b, all);
    if (!it.has_mixture) dense_.list_layer(it.number, all);
    return all;
  }

  /// Whether the card has a policy that must see the training text before training (see prepare).
  static constexpr bool wants_preparation = moe_stack<Card, B>::wants_preparation;
  bool needs_preparation() const { return wants_preparation && moe_.layers() > 0 && !prepared_; }
  /// Tells policies how often each token id occurs in the training text; one count per id.
  void prepare(std::span<const std::int64_t> counts) {
    if constexpr (wants_preparation) moe_.prepare(counts);
    prepared_ = true;
  }
  /// What was restored from a file has been prepared.
  void set_prepared() { prepared_ = true; }

  /// To be called before every optimiser step: policies may say which of their parameters train.
  void before_step(std::int64_t step) {
    if constexpr (moe_stack<Card, B>::acts_before_steps) moe_.before_step(step);
  }
  /// Whether any policy hears of steps: then training collects statistics for it.
  static constexpr bool hears_steps = moe_stack<Card, B>::hears_steps;
  /// To be called after every optimiser step with the findings of all its training passes.
  void after_step(std::int64_t step, const step_statistics<B>& statistics) {
    if constexpr (hears_steps) moe_.after_step(step, statistics);
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
  using block = detail::model_block<B>;

  static const sizes& checked(const sizes& s, const Card& card) {
    check_sizes(s, card);
    return s;
  }
  variable<B> attend(const place<B>& at, const variable<B>& x) const {
    return ask_one<slots::attention>(attention_, at.layer.block, at, x);
  }
  variable<B> feed_forward(const place<B>& at, index_t number, const variable<B>& x) const {
    return ask_one<slots::dense>(dense_, number, at, x);
  }
  template <class Slot, class Kept>
  variable<B> ask_one(const Kept& kept, index_t layer, const place<B>& at, const variable<B>& x) const {
    typename Kept::carried none{};
    open_memories memories;
    auto& cached = memories.of<typename Kept::cached>(&kept, layer, at);
    return ask<hooks::apply>(answer_of<Slot>(moe_.card()), kept.my(layer, none, cached), at, x);
  }

  sizes sizes_;
  builder<B> make_;
  parameter<B> wte_, wpe_;
  moe_stack<Card, B> moe_;
  gmoe::kept<answer<Card, slots::attention>, B, body> attention_;
  gmoe::kept<answer<Card, slots::dense>, B, body> dense_;
  std::vector<block> blocks_;
  nn::layer_norm<B> ln_f_;
  std::map<std::string, double> unread_numbers_;
  std::int64_t step_ = 0;
  bool prepared_ = false;
};

}  // namespace gmoe
