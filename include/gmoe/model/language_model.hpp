#pragma once
/// A language model whose feed-forward layers are mixtures of experts. What is around them is that of GPT-2, unless the
/// card answers norm, attention, positions or head otherwise.
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
#include "gmoe/ops/cross_entropy.hpp"

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

/// A block, besides what its policies keep.
struct model_block {
  layer_shape shape;
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
        whole_{s},
        moe_(make_, s, card) {
    make_for<slots::positions>(positions_, make_, 0);
    index_t mixtures = 0, dense = 0;
    for (index_t b = 0; b < s.layers; ++b) {
      const builder<B> make = make_.scope("h", b);
      const bool mixture = mixtures < moe_.layers() && moe_.shape(mixtures).block == b;
      block& made = blocks_.emplace_back();
      made.shape = {s, b};
      made.has_mixture = mixture;
      made.number = mixture ? mixtures++ : dense++;
      make_for<slots::norm>(norms_, make.scope("ln_1"), 2 * b, made.shape);
      make_for<slots::norm>(norms_, make.scope("ln_2"), 2 * b + 1, made.shape);
      make_for<slots::attention>(attention_, make.scope("attn"), b, made.shape);
      if (!mixture) make_for<slots::dense>(dense_, make.scope("mlp"), made.number, made.shape);
      made.shape.moe_layer = made.number;
    }
    make_for<slots::norm>(norms_, make_.scope("ln_f"), 2 * s.layers);
    make_for<slots::head>(head_, make_, 0);
  }

  const sizes& shape() const { return sizes_; }
  const Card& card() const { return moe_.card(); }
  /// The mixtures.
  moe_stack<Card, B>& moe() { return moe_; }
  const moe_stack<Card, B>& moe() const { return moe_; }
  parameter<B>& token_embedding() { return wte_; }
  auto& final_norm() { return norms_.mine(2 * sizes_.layers).layer.norm; }

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
    variable<B> u = ask_one<slots::positions>(positions_, 0, place<B>{ctx, whole_}, ctx.use(wte_), first);
    ctx.observe("embeddings", u);
    u = nn::dropout(ctx, u, sizes_.dropout, random_site::embedding, "embeddings_mask");
    for (const block& b : blocks_) {
      ctx.block = b.shape.block;
      const place<B> at{ctx, b.shape};
      const variable<B> attended = ask_one<slots::attention>(attention_, ctx.block, at, norm(at, 2 * ctx.block, u));
      ctx.observe("attn_out", attended);
      const variable<B> a = add(u, attended);
      const variable<B> x = norm(at, 2 * ctx.block + 1, a);
      ctx.observe("moe_in", x);
      if (b.has_mixture) {
        // GPT-2's residual dropout of the feed-forward layer disappears with it, as in GMoE's code.
        u = add(a, moe_(p, b.number, x, a));
      } else {
        const variable<B> y = ask_one<slots::dense>(dense_, b.number, at, x);
        ctx.observe("dense_out", y);
        u = add(a, y);
      }
      ctx.observe("block_out", u);
    }
    ctx.block = -1;
    const variable<B> normed = norm(place<B>{ctx, whole_}, 2 * sizes_.layers, u);
    ctx.observe("ln_f", normed);
    if (ctx.cache) ctx.cache->length += ctx.sequence;
    return normed;
  }
  variable<B> hidden(const context<B>& ctx) const {
    pass p = begin(ctx);
    return hidden(p);
  }

  /// Logits, T x V, of hidden states.
  variable<B> logits(const context<B>& ctx, const variable<B>& hidden) const {
    return matmul(hidden, head(ctx), op::transpose);
  }

  /// Losses of a batch; records on `ctx.tape` if there is one, and leaves nothing there if it throws. Only where `ctx`
  /// runs is read of it; the tokens are the batch's.
  losses<B> loss(const context<B>& ctx, const batch<B>& data) const {
    const typename tape<B>::attempt attempt(ctx.tape);
    require<data_error>(data.targets.size() == data.tokens.size(), "the batch has no targets");
    pass p = begin(reading(ctx, data));
    losses<B> l;
    l.language = linear_cross_entropy(hidden(p), head(ctx), data.targets, data.scored);
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
    positions_.list_layer(0, all);
    for (block& b : blocks_) {
      norms_.list_layer(2 * b.shape.block, all);
      attention_.list_layer(b.shape.block, all);
      norms_.list_layer(2 * b.shape.block + 1, all);
      if (b.has_mixture)
        moe_.list_block(b.number, all);
      else
        dense_.list_layer(b.number, all);
    }
    attention_.list_shared(all);
    norms_.list_shared(all);
    positions_.list_shared(all);
    head_.list_shared(all);
    dense_.list_shared(all);
    moe_.list_common(all);
    norms_.list_layer(2 * sizes_.layers, all);
    head_.list_layer(0, all);
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

  /// What is there once beside the token embedding: positions and head.
  kept_list<B> kept_beside_blocks() {
    kept_list<B> all;
    positions_.list_layer(0, all);
    positions_.list_shared(all);
    head_.list_layer(0, all);
    head_.list_shared(all);
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
      const index_t columns = cached_columns(blocks_[static_cast<std::size_t>(b)].shape);
      cache.keys.emplace_back(sizes_.positions, columns);
      cache.values.emplace_back(sizes_.positions, columns);
    }
    return cache;
  }

 private:
  using block = detail::model_block;

  static const sizes& checked(const sizes& s, const Card& card) {
    check_sizes(s, card);
    return s;
  }
  using attention = answer<Card, slots::attention>;
  index_t cached_columns(const layer_shape& l) const {
    if constexpr (answers<hooks::cached_columns, attention, nothing, const layer_shape&>)
      return ask<hooks::cached_columns>(answer_of<slots::attention>(moe_.card()), nothing{}, l);
    else
      return l.d_model;
  }

  template <class Slot>
  using kept_of = gmoe::kept<answer<Card, Slot>, B, body>;
  /// Makes what the policy of a slot keeps for its layer `number`, for a block or for the whole model.
  template <class Slot>
  void make_for(kept_of<Slot>& kept, const builder<B>& make, index_t number, layer_shape where) {
    where.moe_layer = number;  // groups are those of the slot's own layers
    kept.add_layer(
        answer_of<Slot>(moe_.card()), {}, make, [&](index_t g) { return make_.scope(std::string(Slot::name), g); },
        where);
  }
  template <class Slot>
  void make_for(kept_of<Slot>& kept, const builder<B>& make, index_t number) {
    make_for<Slot>(kept, make, number, whole_);
  }
  template <class Slot>
  variable<B> ask_one(const kept_of<Slot>& kept, index_t layer, const place<B>& at, const auto&... arguments) const {
    typename kept_of<Slot>::carried none{};
    open_memories memories;
    auto& cached = memories.of<typename kept_of<Slot>::cached>(&kept, layer, at);
    return ask<hooks::apply>(answer_of<Slot>(moe_.card()), kept.my(layer, none, cached), at, arguments...);
  }
  variable<B> norm(const place<B>& at, index_t number, const variable<B>& x) const {
    return ask_one<slots::norm>(norms_, number, at, x);
  }
  /// V x d
  variable<B> head(const context<B>& ctx) const {
    return ask_one<slots::head>(head_, 0, place<B>{ctx, whole_}, ctx.use(wte_));
  }

  sizes sizes_;
  builder<B> make_;
  parameter<B> wte_;
  layer_shape whole_;  ///< where a policy is asked outside of the blocks
  moe_stack<Card, B> moe_;
  kept_of<slots::positions> positions_;
  kept_of<slots::norm> norms_;  ///< two per block, and the last
  kept_of<slots::attention> attention_;
  kept_of<slots::dense> dense_;
  kept_of<slots::head> head_;
  std::vector<block> blocks_;
  std::map<std::string, double> unread_numbers_;
  std::int64_t step_ = 0;
  bool prepared_ = false;
};

}  // namespace gmoe
