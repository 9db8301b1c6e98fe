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
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/routing.hpp"

namespace gmoe::detail {

/// One mixture of a stack.
struct one_layer {
  layer_shape outside;  ///< what the form takes and gives
  layer_shape inside;   ///< what the form's parts see
  expert_list visible;
};

/// What a body's functions are handed.
template <class Weights>
struct own_weights {
  const Weights& weights;
};

template <class Card, class B>
struct stack_data {
  static_assert(check_card<Card, B>());
  using experts = answer<Card, slots::experts>;
  using body = answer<Card, slots::body>;
  using weights = typename body::template weights<B>;

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
  static constexpr bool has =
      answers<Hook, answer<Card, Slot>,
              decltype(std::declval<const gmoe::kept<answer<Card, Slot>, B, body>&>().my(
                  0, std::declval<typename gmoe::kept<answer<Card, Slot>, B, body>::carried&>())),
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

  /// Whether any policy that keeps something has the hook.
  template <class Hook>
  static constexpr bool any_has = []<class... Slot>(std::type_identity<std::tuple<Slot...>>) {
    return (has_hook_within<Hook, answer<Card, Slot>> || ...);
  }(std::type_identity<slots::all>{});

  /// A form that holds whole mixtures and asks none of the card's own parts says so: `asks_parts = false`.
  static constexpr bool asks_parts = [] {
    if constexpr (requires { answer<Card, slots::form>::asks_parts; })
      return answer<Card, slots::form>::asks_parts;
    else
      return true;
  }();

  sizes model;
  Card card;
  std::vector<one_layer> layers;
  std::vector<index_t> widths;  ///< hidden units of every expert of the pool
  std::optional<weights> weights_of_experts;
  kept_by_slot kept;

  /// Routings that a pass makes, all layers together.
  std::size_t routings() const {
    index_t all = 0;
    for (const one_layer& l : layers)
      if constexpr (answers<hooks::routings, answer<Card, slots::form>, nothing, const layer_shape&>)
        all += ask<hooks::routings>(policy<slots::form>(), nothing{}, l.outside);
      else
        ++all;
    return static_cast<std::size_t>(all);
  }

  /// The balance policy's loss of one layer alone; nothing where it has none.
  variable<B> layer_loss(const context<B>& ctx, const routing<B>& r) const {
    if constexpr (has<hooks::layer_loss, slots::balance, const place<B>&, const routing<B>&>) {
      if (r.chosen.rows() == 0) return {};  // nobody, whose load would be even or not
      place<B> whole{ctx, layers[static_cast<std::size_t>(r.layer)].inside};
      whole.block = r.block;
      const place<B> at = r.rows ? whole.of_rows(*r.rows) : whole;
      require(bool(r.scores), "block ", r.block,
              ": the balance loss reads scores, but the form assigns experts without any; its card takes no_balance");
      typename carries<slots::balance>::type none{};
      return ask<hooks::layer_loss>(policy<slots::balance>(), kept.template at<slots::balance>().my(r.layer, none), at,
                                    r);
    } else {
      return {};
    }
  }

  stack_data(const builder<B>& make, const sizes& s, const Card& c) : model(s), card(c) {
    std::vector<index_t> blocks;
    for (index_t b = 0; b < s.layers; ++b)
      if (ask<hooks::has_experts>(policy<slots::placement>(), nothing{}, s, b)) blocks.push_back(b);
    if (blocks.empty()) return;
    require(s.experts >= 1, "experts is ", s.experts, ", expected at least 1");
    const auto count = static_cast<index_t>(blocks.size());
    const experts& pool = policy<slots::experts>();
    for (index_t e = 0, all = ask<hooks::total>(pool, nothing{}, s, count); e < all; ++e)
      if constexpr (answers<hooks::width, experts, nothing, const sizes&, index_t>)
        widths.push_back(ask<hooks::width>(pool, nothing{}, s, e));
      else
        widths.push_back(s.d_ff);
    for (index_t l = 0; l < count; ++l) add_layer(make, pool, blocks[static_cast<std::size_t>(l)], l, count);
    if (asks_parts)
      weights_of_experts.emplace(policy<slots::body>().make_weights(
          make.scope("experts"), pool_shape{widths, layers.front().inside.d_model, s.initializer_range}));
  }

 private:
  void add_layer(const builder<B>& make, const experts& pool, index_t block, index_t l, index_t count) {
    std::vector<id_type> ids = ask<hooks::visible>(pool, nothing{}, model, l);
    check_visible(ids, block);
    layer_shape outside{model, block, l, count};
    outside.experts = outside.columns = static_cast<index_t>(ids.size());
    if constexpr (answers<hooks::columns, answer<Card, slots::score>, nothing, index_t>)
      outside.columns = ask<hooks::columns>(policy<slots::score>(), nothing{}, outside.experts);
    layer_shape shape = outside;
    if constexpr (answers<hooks::parts, answer<Card, slots::form>, nothing, layer_shape>)
      shape = ask<hooks::parts>(policy<slots::form>(), nothing{}, outside);
    if constexpr (answers<hooks::publish, experts, nothing, layer_shape&>) ask<hooks::publish>(pool, nothing{}, shape);
    if constexpr (!requires { answer<Card, slots::always>::computes_shared_experts; })
      require(shape.shared_experts == 0, "the pool sets ", shape.shared_experts,
              " shared experts aside, but the card's answer to 'always' does not compute them: it takes the policy "
              "shared_experts");
    const index_t most = ask<hooks::at_most>(policy<slots::select>(), nothing{}, shape);
    require(most <= shape.experts, "the selection takes ", most, " experts per token, but block ", block, " has only ",
            shape.experts);
    const builder<B> in_block = make.scope("h", block).scope("moe");
    kept.each([&]<class Slot>(Slot, auto& k) {
      if (!asks_parts && !std::is_same_v<Slot, slots::form>) return;
      const std::string name(std::is_same_v<Slot, slots::always> ? std::string_view("local") : Slot::name);
      const builder<B> own = std::is_same_v<Slot, slots::router> ? make.scope(name, l) : in_block.scope(name);
      const auto group = [&](index_t g) { return g == 0 ? make.scope(name) : make.scope(name + ".group", g); };
      k.add_layer(policy<Slot>(), policy<slots::body>(), own, group,
                  std::is_same_v<Slot, slots::form> ? outside : shape);
    });
    layers.push_back({outside, shape, std::make_shared<const std::vector<id_type>>(std::move(ids))});
  }

  /// Throws config_error unless `ids`, the list of a block, names experts of the pool, each once.
  void check_visible(const std::vector<id_type>& ids, index_t block) const {
    std::vector<bool> listed(widths.size());
    for (const id_type e : ids) {
      require(e >= 0 && e < std::ssize(widths), "block ", block, " lists expert ", e,
              ", but the pool has experts 0 to ", std::ssize(widths) - 1);
      require(!listed[static_cast<std::size_t>(e)], "block ", block, " lists expert ", e,
              " more than once, expected every expert at most once");
      listed[static_cast<std::size_t>(e)] = true;
    }
  }
};

}  // namespace gmoe::detail
