#pragma once
/// A language model whose feed-forward layers are mixtures of experts. What is around them is that of GPT-2, unless the
/// card answers norm, attention, positions or head otherwise: see backbone.hpp.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/backend/contract.hpp"
#include "gmoe/model/backbone.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/check_sizes.hpp"
#include "gmoe/moe/inner.hpp"
#include "gmoe/moe/stack.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/valid_rows.hpp"

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

/// The router, or what it wraps, says how much two passes of a training loss are to agree.
template <class Router>
inline constexpr bool says_agreement = requires(const Router& r) {
  r.agreement;
};
template <wraps Router>
inline constexpr bool says_agreement<Router> = requires(const Router& r) {
  r.agreement;
}
|| says_agreement<std::remove_cvref_t<decltype(std::declval<const Router&>().of)>>;
template <class Router>
double agreement_of(const Router& r) {
  if constexpr (requires { r.agreement; })
    return r.agreement;
  else
    return agreement_of(r.of);
}
template <class Card>
inline constexpr bool makes_two_passes = [] {
  if constexpr (form_uses<Card, slots::router>)
    return says_agreement<answer<Card, slots::router>>;
  else
    return false;
}();
/// A card within the card's form would have two passes, were it the model's.
template <class Card>
inline constexpr bool holds_two_passes =
    std::apply([]<class... P, class... T>(const field<P, T>&...) { return (false || ... || makes_two_passes<T>); },
               inner_cards<answer<Card, slots::form>>());

/// Language and balance loss of a pass over the batch.
template <class B>
losses<B> losses_of(const batch<B>& data, const variable<B>& head, function_ref<variable<B>()> hidden,
                    function_ref<variable<B>()> balance) {
  require<data_error>(data.targets.size() == data.tokens.size(), "the batch has no targets");
  losses<B> l;
  l.language = linear_cross_entropy(hidden(), head, data.targets, data.scored);
  l.balance = balance();
  l.total = l.balance ? add(l.language, l.balance) : l.language;
  return l;
}

}  // namespace detail

/// `Card` answers the questions of gmoe/moe/slots.hpp, `B` is a backend such as cpu<float>. Constant while it runs.
template <class Card, class B>
class language_model {
  static_assert(backend<B>,
                "gmoe: the second argument of language_model is not a backend (see gmoe/backend/contract.hpp)");
  static_assert(check_slots<Card>());
  static_assert(!detail::holds_two_passes<Card>,
                "gmoe: two passes are made for the card's own router; that of a mixture within its form says how much "
                "they are to agree, which nobody would read");

 public:
  using card_type = Card;
  using backend_type = B;
  using pass = moe_pass<Card, B>;

  explicit language_model(const sizes& s, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : language_model(s, Card{}, seed, mode) {}
  /// Throws config_error if the numbers do not fit. With build_mode::shapes_only nothing is allocated: for counting.
  language_model(const sizes& s, const Card& card, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : language_model(builder<B>(seed, mode), checked(s, card), card) {}

  const sizes& shape() const { return sizes_; }
  const Card& card() const { return moe_.card(); }
  /// The mixtures.
  moe_stack<Card, B>& moe() { return moe_; }
  const moe_stack<Card, B>& moe() const { return moe_; }
  /// What is around them.
  backbone_of<Card, B>& around() { return around_; }
  parameter<B>& token_embedding() { return around_.token_embedding(); }
  auto& final_norm() { return around_.final_norm(); }

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
    return around_.hidden(p.where(), p.finding(),
                          [&](index_t number, const variable<B>& x, const variable<B>& residual) {
                            return moe_(p, number, x, residual);
                          });
  }
  variable<B> hidden(const context<B>& ctx) const {
    pass p = begin(ctx);
    return hidden(p);
  }

  /// Logits, T x V, of hidden states.
  variable<B> logits(const context<B>& ctx, const variable<B>& hidden) const {
    return matmul(hidden, around_.head(ctx), op::transpose);
  }

  /// Losses of a batch; records on `ctx.tape` if there is one, and leaves nothing there if it throws. Only where `ctx`
  /// runs is read of it; the tokens are the batch's.
  losses<B> loss(const context<B>& ctx, const batch<B>& data) const {
    const typename tape<B>::attempt attempt(ctx.tape);
    pass p = begin(reading(ctx, data));
    variable<B> last;
    losses<B> l = detail::losses_of<B>(
        data, around_.head(ctx), [&] { return last = hidden(p); }, [&] { return p.loss(); });
    l.found = std::move(p).found();
    if constexpr (detail::makes_two_passes<Card>)
      if (ctx.training) agree_with_another(l, last, reading(ctx, data), data);
    return l;
  }

  /// `ctx` pointed at a batch.
  static context<B> reading(const context<B>& ctx, const batch<B>& data) { return gmoe::reading(ctx, data); }

  /// Every parameter and every buffer (what is saved with the model but not trained) once.
  kept_list<B> kept() {
    kept_list<B> all;
    around_.list(
        all, [&](index_t layer) { moe_.list_block(layer, all); }, [&] { moe_.list_common(all); });
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
  kv_cache<B> make_cache() const { return around_.make_cache(); }

 private:
  language_model(const builder<B>& make, const sizes& s, const Card& card)
      : sizes_(s),
        moe_(make, s, card),
        around_(make, s, policies_around(card), detail::blocks_with_mixtures(answer_of<slots::placement>(card), s)) {}

  /// Makes `l`, and the hidden states `last`, of one pass the mean over it and a second one, and adds how far both are
  /// from each other. What the second finds is not among the findings, and nobody sees it.
  void agree_with_another(losses<B>& l, const variable<B>& last, context<B> again, const batch<B>& data) const
      requires(detail::makes_two_passes<Card>) {
    again.pass_number = 1;
    again.observer = nullptr;
    again.replay = nullptr;  // it is a recording of the first one
    pass q = begin(again);
    const variable<B> other = hidden(q), head = around_.head(again), own = q.loss();
    l.language = scale(add(l.language, linear_cross_entropy(other, head, data.targets, data.scored)), 0.5);
    if (own) l.balance = scale(add(l.balance, own), 0.5);
    if (const double weight = detail::agreement_of(answer_of<slots::router>(card())); weight > 0) {
      const variable<B> a = log_softmax_rows(matmul(last, head, op::transpose)),
                        b = log_softmax_rows(matmul(other, head, op::transpose));
      const variable<B> apart = row_sums(multiply(subtract(exp(a), exp(b)), subtract(a, b)));  // both divergences
      const variable<B> term = scale(valid_means(apart, data.valid), weight / 4);
      l.found.losses.push_back({"agreement", -1, term});
      l.balance = l.balance ? add(l.balance, term) : term;
    }
    l.total = l.balance ? add(l.language, l.balance) : l.language;
  }

  static const sizes& checked(const sizes& s, const Card& card) {
    check_sizes(s, card);
    return s;
  }
  static typename backbone_of<Card, B>::policies policies_around(const Card& card) {
    return {answer_of<slots::positions>(card), answer_of<slots::norm>(card), answer_of<slots::attention>(card),
            answer_of<slots::dense>(card), answer_of<slots::head>(card)};
  }
  sizes sizes_;
  moe_stack<Card, B> moe_;
  backbone_of<Card, B> around_;
  std::map<std::string, double> unread_numbers_;
  std::int64_t step_ = 0;
  bool prepared_ = false;
};

}  // namespace gmoe
