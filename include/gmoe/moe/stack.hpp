#pragma once
/// A card's mixtures for a number of layers: pool, routers, forms and balance, for any backbone.
///
///     moe_stack<gmoe_card, cpu<float>> moe{{.d_model = 64, .layers = 3, .experts = 4}};
///     auto pass = moe.begin(ctx);
///     for (index_t l = 0; l < moe.layers(); ++l) x = add(x, moe(pass, l, x));
///     loss = add(my_loss(x), pass.loss());

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/moe/pass.hpp"
#include "gmoe/moe/step_statistics.hpp"

namespace gmoe {

namespace detail {

/// The routings of a pass up to number `last`, off any tape.
template <class B>
findings<B> up_to(const findings<B>& pass, std::size_t last) {
  findings<B> aside;
  for (std::size_t i = 0; i <= last; ++i)
    if (routing<B>& r = aside.routings.emplace_back(pass.routings[i]); r.scores)
      r.scores = variable<B>(r.scores.value());
  return aside;
}

}  // namespace detail

/// Constant while it runs: passes are values, and several may be under way.
template <class Card, class B>
class moe_stack {
  using data = detail::stack_data<Card, B>;

 public:
  using card_type = Card;
  using backend_type = B;
  using pass = moe_pass<Card, B>;

  explicit moe_stack(const sizes& s, std::uint64_t seed = 42) : moe_stack(s, Card{}, seed) {}
  /// Throws config_error if the numbers do not fit. `sizes::layers` counts blocks; the card's placement says which of
  /// them have a mixture.
  moe_stack(const sizes& s, const Card& card, std::uint64_t seed = 42) : moe_stack(builder<B>(seed), s, card) {
    each_field(s, [](const auto& f, const auto& v) { check_field(f, f.name, v); });
    check_settings(card);
    require(layers() > 0, "moe_stack: the card's placement leaves no block with a mixture");
  }
  /// A part of a model, whose parameters `make` makes.
  moe_stack(const builder<B>& make, const sizes& s, const Card& card) : data_(make, s, card) {}
  /// In a form: the mixtures of that name in these blocks, whatever the card's placement says.
  moe_stack(const builder<B>& make, const sizes& s, const Card& card, const std::vector<index_t>& blocks,
            std::string_view name)
      : data_(make, s, card, blocks, name) {}

  const Card& card() const { return data_.card; }
  /// M: mixtures.
  index_t layers() const { return std::ssize(data_.layers); }
  /// What the layer's parts see.
  const layer_shape& shape(index_t layer) const { return data_.layers[static_cast<std::size_t>(layer)].inside; }
  /// The pool's number of each expert that the layer sees.
  const std::vector<id_type>& visible(index_t layer) const {
    return *data_.layers[static_cast<std::size_t>(layer)].visible;
  }
  /// Hidden units of every expert of the pool.
  const std::vector<index_t>& widths() const { return data_.pool.widths; }
  /// The weights of the pool's experts; there are none where the card's form uses none.
  auto& bank() { return *data_.weights_of_experts; }
  const auto& bank() const { return *data_.weights_of_experts; }
  /// What the slot's policy keeps: `moe.mine<slots::router>(0).layer`, `.shared`.
  template <class Slot>
  auto mine(index_t layer) {
    return data_.kept.template at<Slot>().mine(layer);
  }

  /// Of those that a form holds the name: "first", "first/second".
  std::string_view mixture() const { return data_.mixture; }
  /// f(moe_stack<...>&) for the mixtures of each card that the form holds.
  void each_inner(auto&& f) {
    data_.each_inner([&](auto& m) { f(*m.stack); });
  }
  /// Routings that a pass makes.
  std::size_t routings() const { return data_.routings(); }

  /// A pass where `ctx` says. It keeps a copy of the context.
  pass begin(const context<B>& ctx) const { return pass(data_, ctx); }
  /// What the mixture adds to the residual stream: mixture number `layer` of x, T x d.
  variable<B> operator()(pass& p, index_t layer, const variable<B>& x, const variable<B>& residual = {}) const {
    return p(layer, x, residual);
  }

  /// The card's balance loss of routing `number` of a pass alone, off any tape, where `ctx` says; nothing where it has
  /// none.
  variable<B> layer_loss(const findings<B>& pass, std::size_t number, const context<B>& ctx = {}) const {
    if (pass.routings[number].mixture != data_.mixture) return loss_of_inner(pass, number, ctx);
    if constexpr (data::has_layer_loss) {
      findings<B> aside = detail::up_to(pass, number);
      return data_.layer_loss(ctx, aside, number);
    } else {
      return {};
    }
  }
  /// The same for a policy that looks at this routing only.
  variable<B> layer_loss(const routing<B>& r) const {
    findings<B> alone;
    alone.routings.push_back(r);
    return layer_loss(alone, 0);
  }

  /// Every parameter and buffer once: those in blocks, then experts, what layers share, and routers.
  kept_list<B> kept() {
    kept_list<B> all;
    for (index_t l = 0; l < layers(); ++l) list_block(l, all);
    list_common(all);
    return all;
  }
  std::vector<parameter<B>*> parameters() { return kept().parameters; }
  /// As a part of what a form keeps.
  void list(kept_list<B>& all) {
    for (parameter<B>* p : kept().parameters) all.add(*p);
    for (buffer<B>* b : kept().buffers) all.add(*b);
  }
  /// Those that stand in the layer's block.
  void list_block(index_t layer, kept_list<B>& all) {
    data_.kept.each([&]<class Slot>(Slot, auto& k) {
      if constexpr (!std::is_same_v<Slot, slots::router>) k.list_layer(layer, all);
    });
    each_inner([&](auto& m) { m.list_block(layer, all); });
  }
  /// The others.
  void list_common(kept_list<B>& all) {
    if (data_.weights_of_experts) walk(bank(), all);
    data_.kept.each([&]<class Slot>(Slot, auto& k) { k.list_shared(all); });
    for (index_t l = 0; l < layers(); ++l) data_.kept.template at<slots::router>().list_layer(l, all);
    each_inner([&](auto& m) { m.list_common(all); });
  }
  /// What the slot's policy keeps for a layer, alone and in its group.
  template <class Slot>
  kept_list<B> kept_of(index_t layer) {
    kept_list<B> all;
    auto& k = data_.kept.template at<Slot>();
    k.list_layer(layer, all);
    k.list_shared_of(layer, all);
    return all;
  }
  /// What the slot's policy keeps for all layers, each once.
  template <class Slot>
  kept_list<B> kept_of() {
    kept_list<B> all;
    auto& k = data_.kept.template at<Slot>();
    k.list_shared(all);
    for (index_t l = 0; l < layers(); ++l) k.list_layer(l, all);
    return all;
  }

  /// Whether any policy has to see the training text first.
  static constexpr bool wants_preparation = data::template any_has<hooks::prepare>;
  /// Tells policies how often each token id occurs in the training text, such as a hash table.
  void prepare(std::span<const std::int64_t> counts) {
    ask_all<hooks::prepare>([&](auto& ask_it, index_t) { ask_it(counts); });
    each_inner([&](auto& m) { m.prepare(counts); });
  }
  /// Whether any policy acts before steps.
  static constexpr bool acts_before_steps =
      data::template any_has<hooks::before_step> || data::template any_has<hooks::trains>;
  /// To be called before every optimiser step: policies may say which of their parameters train, and a body whether the
  /// experts do, or the `base` that its weights have.
  void before_step(std::int64_t step) {
    if constexpr (has_hook_within<hooks::trains, answer<Card, slots::body>>)
      if (data_.weights_of_experts) {
        kept_list<B> experts;
        if constexpr (requires { bank().base; })
          walk(bank().base, experts);  // what the experts adapt
        else
          walk(bank(), experts);
        const bool trains = ask<hooks::trains>(data_.template policy<slots::body>(), nothing{}, step);
        for (parameter<B>* p : experts.parameters) p->set_trained(trains);
      }
    ask_all<hooks::before_step>([&](auto& ask_it, index_t) { ask_it(step); });
    each_inner([&](auto& m) { m.before_step(step); });
  }
  /// Whether any policy hears of steps.
  static constexpr bool hears_steps = data::template any_has<hooks::after_step>;
  /// To be called after every optimiser step with the findings of all its training passes.
  void after_step(std::int64_t step, const step_statistics<B>& statistics) {
    if (statistics.empty()) return;
    ask_all<hooks::after_step>(
        [&](auto& ask_it, index_t l) { ask_it(step, statistics.of(l, shape(l).experts, mixture())); });
    each_inner([&](auto& m) { m.after_step(step, statistics); });
  }

 private:
  /// f(how to ask, layer) for every policy that has the hook and every layer.
  template <class Hook>
  void ask_all(auto&& f) {
    data_.kept.each([&]<class Slot>(Slot, auto& k) {
      using policy = answer<Card, Slot>;
      if constexpr (has_hook_within<Hook, policy>)
        for (index_t l = 0; l < layers(); ++l) {
          if (!k.has_layer(l)) continue;
          const auto mine = k.mine(l);
          auto ask_it = [&](const auto&... a) { ask<Hook>(data_.template policy<Slot>(), mine, a...); };
          f(ask_it, l);
        }
    });
  }

  /// The same of a mixture that the form holds.
  variable<B> loss_of_inner(const findings<B>& pass, std::size_t number, const context<B>& ctx) const {
    variable<B> of_inner;
    data_.each_inner([&](const auto& m) {
      const std::string_view mixture = pass.routings[number].mixture, name = m.stack->mixture();
      if (mixture == name || (mixture.starts_with(name) && mixture[name.size()] == '/'))
        of_inner = m.stack->layer_loss(pass, number, ctx);
    });
    return of_inner;
  }

  // What makes and runs the mixtures of a form.
  template <class, class>
  friend class moe_parts;
  template <class, class>
  friend struct detail::stack_data;
  void each_balance_loss(const context<B>& ctx, findings<B>& pass, detail::balance_visit<B> visit) const {
    data_.each_balance_loss(ctx, pass, visit);
  }

  data data_;
};

}  // namespace gmoe
