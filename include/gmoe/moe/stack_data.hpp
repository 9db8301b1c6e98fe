#pragma once
/// What a stack of mixtures owns: the card, the pool's weights, and what every policy keeps.

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/check_card.hpp"
#include "gmoe/moe/form/one_pass.hpp"
#include "gmoe/moe/inner.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/stack_common.hpp"

namespace gmoe::detail {

/// Where a placement puts mixtures.
template <class Placement>
std::vector<index_t> blocks_with_mixtures(const Placement& placement, const sizes& s) {
  std::vector<index_t> blocks;
  for (index_t b = 0; b < s.layers; ++b)
    if (ask<hooks::has_experts>(placement, nothing{}, s, b)) blocks.push_back(b);
  return blocks;
}

/// What experts of a body consist of; nothing where a form does without.
template <class Body, class B>
constexpr auto weights_of() {
  if constexpr (std::is_same_v<Body, unused<slots::body>>)
    return std::type_identity<nothing>{};
  else
    return std::type_identity<typename Body::template weights<B>>{};
}

/// What a body's functions are handed.
template <class Weights>
struct own_weights {
  const Weights& weights;
};

template <class Card, class B>
struct stack_data : stack_common {
  static_assert(check_card<Card, B>());
  using experts = answer<Card, slots::experts>;
  using body = answer<Card, slots::body>;
  using form = answer<Card, slots::form>;
  static constexpr bool uses_experts = form_uses<Card, slots::experts>, uses_body = form_uses<Card, slots::body>;
  using weights = typename decltype(weights_of<body, B>())::type;

  /// The default answers of slots that a card does not name, and the card itself.
  template <class Slot>
  const answer<Card, Slot>& policy() const {
    if constexpr (names_slot<Card, Slot>) {
      return Slot::of(card);
    } else {
      static const answer<Card, Slot> usual{};
      return usual;
    }
  }

  // Who keeps something, in the order in which parameters of a block are visited; the router's are visited last.
  template <class Slot>
  struct keeps {
    gmoe::kept<answer<Card, Slot>, B, body> value;
  };
  template <class Slot>
  struct carries {
    using type = typename gmoe::kept<answer<Card, Slot>, B, body>::carried;
    type value;
  };
  template <template <class> class Of>
  using by_slot = slot_map<Of, slots::always, slots::select, slots::candidates, slots::score, slots::capacity,
                           slots::gate, slots::balance, slots::form, slots::router>;
  using kept_by_slot = by_slot<keeps>;
  using carried_by_slot = by_slot<carries>;

  /// Whether the slot's policy answers a hook that takes A..., with what it keeps or without.
  template <class Hook, class Slot, class... A>
  static constexpr bool has = answers<Hook, answer<Card, Slot>,
                                      decltype(std::declval<const gmoe::kept<answer<Card, Slot>, B, body>&>().my(
                                          0, std::declval<typename gmoe::kept<answer<Card, Slot>, B, body>::carried&>(),
                                          std::declval<typename gmoe::kept<answer<Card, Slot>, B, body>::cached&>())),
                                      A...>;
  /// Layers see the same experts: then the gradients of all of them are made together.
  template <class Pool>
  static constexpr bool shares_experts() {
    if constexpr (requires { Pool::shared_between_layers; })
      return Pool::shared_between_layers;
    else if constexpr (wraps<Pool>)
      return shares_experts<wrapped_by<Pool>>();
    else
      return false;
  }
  static constexpr bool layers_share_experts = shares_experts<experts>();
  /// A policy that looks at its token alone, or at all that are routed, does not mind if some of a layer's rows are
  /// missing.
  template <class Slot>
  static constexpr bool takes_any_rows = (reach_of<answer<Card, Slot>>(true) == reach::token ||
                                          reach_of<answer<Card, Slot>>(true) == reach::batch) &&
                                         (reach_of<answer<Card, Slot>>(false) == reach::token ||
                                          reach_of<answer<Card, Slot>>(false) == reach::batch) &&
                                         std::is_same_v<typename carries<Slot>::type, nothing>;
  static constexpr bool routes_any_rows = takes_any_rows<slots::router> && takes_any_rows<slots::candidates> &&
                                          takes_any_rows<slots::score> && takes_any_rows<slots::select> &&
                                          takes_any_rows<slots::capacity> && takes_any_rows<slots::gate> &&
                                          takes_any_rows<slots::balance>;

  /// The balance loss, which comes after the pass, looks at what was routed: it says `reads_input = true`.
  static constexpr bool balance_reads_input = [] {
    if constexpr (requires { answer<Card, slots::balance>::reads_input; })
      return answer<Card, slots::balance>::reads_input;
    else
      return false;
  }();

  template <class Hook, class... P, class... T>
  static constexpr bool any_within_has(const std::tuple<field<P, T>...>&) {
    return (stack_data<T, B>::template any_has<Hook> || ...);
  }
  /// Whether any policy that keeps something has the hook, those of mixtures in the form too.
  template <class Hook>
  static constexpr bool any_has = []<class... Slot>(std::type_identity<std::tuple<Slot...>>) {
    return (has_hook_within<Hook, answer<Card, Slot>> || ...) || any_within_has<Hook>(inner_cards<form>());
  }(std::type_identity<slots::all>{});

  Card card;
  std::optional<weights> weights_of_experts;
  kept_by_slot kept;
  inner_mixtures<form, B> inner;

  /// f(inner_mixture) for each that the form holds.
  void each_inner(auto&& f) {
    std::apply([&](auto&... m) { ((m.stack ? void(f(m)) : void()), ...); }, inner);
  }
  void each_inner(auto&& f) const {
    std::apply([&](const auto&... m) { ((m.stack ? void(f(m)) : void()), ...); }, inner);
  }

  /// Routings that a pass makes, all layers together.
  std::size_t routings() const {
    index_t all = 0;
    for (const one_layer& l : layers)
      if constexpr (answers<hooks::routings, answer<Card, slots::form>, nothing, const layer_shape&>)
        all += ask<hooks::routings>(policy<slots::form>(), nothing{}, l.outside);
      else
        ++all;
    auto count = static_cast<std::size_t>(all);
    each_inner([&](const auto& m) { count += m.stack->routings(); });
    return count;
  }

  static constexpr bool has_layer_loss = has<hooks::layer_loss, slots::balance, const place<B>&, const routing<B>&>;
  static constexpr bool has_joint_loss = has<hooks::loss, slots::balance, const place<B>&, const findings<B>&> ||
                                         has<hooks::loss, slots::balance, const findings<B>&>;
  /// The balance policy's loss of routing `number` of a pass; nothing where it has none. What it adds goes to `found`.
  variable<B> layer_loss(const context<B>& ctx, findings<B>& found, std::size_t number) const {
    if constexpr (has_layer_loss) {
      const routing<B>& r = found.routings[number];
      if (r.chosen.rows() == 0) return {};  // nobody, whose load would be even or not
      typename carries<slots::balance>::type none{};
      typename gmoe::kept<answer<Card, slots::balance>, B, body>::cached new_one{};
      const place<B> at = place_of_loss(ctx, found, number, *this);
      return ask<hooks::layer_loss>(policy<slots::balance>(),
                                    kept.template at<slots::balance>().my(r.layer, none, new_one), at, r);
    } else {
      return {};
    }
  }
  /// The card's balance loss of the routings of a pass that are its own: over all layers, or the mean of the layers'.
  /// Nothing where it has none. What the policy adds goes to `pass`.
  variable<B> balance_loss(const context<B>& ctx, findings<B>& pass) const {
    if constexpr (has_joint_loss)
      return loss_together<B>(mixture, pass, [&](findings<B>& own) { return joint_loss(ctx, own); });
    else if constexpr (has_layer_loss)
      return mean_loss<B>(mixture, pass, [&](std::size_t i) { return layer_loss(ctx, pass, i); });
    else
      return {};
  }
  /// visit(name, value) for the balance losses of a pass: "balance", and those of mixtures in the form,
  /// "first/balance".
  void each_balance_loss(const context<B>& ctx, findings<B>& pass, balance_visit<B> visit) const {
    if (const variable<B> own = balance_loss(ctx, pass)) visit(name_of("balance"), own);
    each_inner([&](const auto& m) { m.stack->each_balance_loss(ctx, pass, visit); });
  }

  stack_data(const builder<B>& make, const sizes& s, const Card& c) : card(c) {
    model = sizes_of_pool(s);
    add_layers(make, s, blocks_with_mixtures(policy<slots::placement>(), s));
  }
  /// In a form: a mixture of that name in these blocks.
  stack_data(const builder<B>& make, const sizes& s, const Card& c, const std::vector<index_t>& blocks,
             std::string_view name)
      : card(c) {
    mixture = name;
    model = sizes_of_pool(s);
    add_layers(make, s, blocks);
  }

 private:
  /// The balance policy's loss of all layers together. `at` has the shape of the first mixture, and the policy what it
  /// keeps for that.
  variable<B> joint_loss(const context<B>& ctx, findings<B>& found) const {
    place<B> at{ctx, layers.front().inside, &found};
    at.block = -1;
    at.mixture = mixture;
    typename carries<slots::balance>::type none{};
    typename gmoe::kept<answer<Card, slots::balance>, B, body>::cached new_one{};
    const auto mine = kept.template at<slots::balance>().my(0, none, new_one);
    if constexpr (has<hooks::loss, slots::balance, const place<B>&, const findings<B>&>)
      return ask<hooks::loss>(policy<slots::balance>(), mine, std::as_const(at), std::as_const(found));
    else
      return ask<hooks::loss>(policy<slots::balance>(), mine, std::as_const(found));
  }
  /// The model's numbers, or those that the form has for the pool instead.
  sizes sizes_of_pool(const sizes& s) const {
    if constexpr (has_hook_within<hooks::pool_sizes, form>)
      return ask<hooks::pool_sizes>(policy<slots::form>(), nothing{}, s,
                                    ask<hooks::at_most>(policy<slots::select>(), nothing{}, layer_shape{s}));
    else
      return s;
  }
  void add_layers(const builder<B>& make, const sizes& s, const std::vector<index_t>& blocks) {
    if (blocks.empty()) return;
    const std::vector<pool_view> seen = make_pool(blocks);
    for (std::size_t l = 0; l < blocks.size(); ++l)
      add_layer(make, with_columns(shape_of(blocks[l], static_cast<index_t>(l), std::ssize(blocks), seen[l])));
    if constexpr (uses_experts && uses_body)
      weights_of_experts.emplace(policy<slots::body>().make_weights(make.scope("experts"), shape_of_pool(s)));
    if constexpr (holds_cards<form>) add_inner(make, blocks);
  }
  /// What each of the mixtures in these blocks sees of the pool, if the form uses one.
  std::vector<pool_view> make_pool(const std::vector<index_t>& blocks) {
    require(model.experts >= 1, "experts is ", model.experts, ", expected at least 1");
    if constexpr (uses_experts) {
      pool = members_of<body>(policy<slots::experts>(), model, std::ssize(blocks));
      return views_of(policy<slots::experts>(), pool, model, blocks);
    } else {
      return pool.views(std::vector<std::vector<id_type>>(blocks.size()), blocks);
    }
  }
  /// The mixtures that the form holds see what its parts see.
  void add_inner(const builder<B>& make, const std::vector<index_t>& blocks) {
    sizes seen = layers.front().inside;
    seen.experts = model.experts;
    require(layers.front().inside.rows_per_token == 1,
            "a form that holds mixtures cannot cut tokens into parts: nobody tells these mixtures that they see parts");
    const auto add_one = [&]<class P, class T>(inner_mixture<P, T, B>& m, const field<P, T>& f) {
      const std::string name = name_in<form>(f);
      m.member = f.at;
      m.name = lasting_name(name);
      m.stack.emplace(make.scope(std::string(slots::form::name)).scope(name), seen, card_in(policy<slots::form>(), f),
                      blocks, lasting_name(name_of(name)));
    };
    std::apply([&](auto&... m) { std::apply([&](const auto&... f) { (add_one(m, f), ...); }, inner_cards<form>()); },
               inner);
  }

  layer_shape with_columns(layer_shape l) const {
    if constexpr (answers<hooks::columns, answer<Card, slots::score>, nothing, index_t>)
      l.columns = ask<hooks::columns>(policy<slots::score>(), nothing{}, l.experts);
    return l;
  }
  layer_shape shape_inside(const layer_shape& outside) const {
    layer_shape shape = outside;
    if constexpr (answers<hooks::parts, form, nothing, layer_shape>)
      shape = ask<hooks::parts>(policy<slots::form>(), nothing{}, outside);
    if constexpr (answers<hooks::publish, experts, nothing, layer_shape&>)
      ask<hooks::publish>(policy<slots::experts>(), nothing{}, shape);
    if constexpr (!requires { answer<Card, slots::always>::computes_shared_experts; })
      require(shape.shared_experts == 0, "the pool sets ", shape.shared_experts,
              " shared experts aside, but the card's answer to 'always' does not compute them: it takes the policy "
              "shared_experts");
    if constexpr (form_uses<Card, slots::select>) {
      const index_t most = ask<hooks::at_most>(policy<slots::select>(), nothing{}, shape);
      require(most <= shape.experts, "the selection takes ", most, " experts per token, but block ", outside.block,
              " has only ", shape.experts);
    }
    return shape;
  }
  void add_layer(const builder<B>& make, const layer_shape& outside) {
    const layer_shape shape = shape_inside(outside);
    kept.each([&]<class Slot>(Slot, auto& k) {
      const slot_scopes<B> scopes(make, Slot::name, outside);
      k.add_layer(policy<Slot>(), policy<slots::body>(), scopes.own, scopes,
                  std::is_same_v<Slot, slots::form> ? outside : shape);
    });
    add_shapes(outside, shape);
  }
};

}  // namespace gmoe::detail
