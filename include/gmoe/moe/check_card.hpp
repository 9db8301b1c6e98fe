#pragma once
/// What is checked of a card before it runs, each with one sentence: every slot is answered, by a policy of that slot,
/// no member is misspelt, and every function that a policy has can be called as it will be.

#include <concepts>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/step_statistics.hpp"

namespace gmoe {

namespace detail {

template <class Member>
struct class_of_member;
template <class T, class C>
struct class_of_member<T C::*> {
  using type = C;
};
/// The card itself has the slot's member, not a base of it.
template <class Card, class Slot>
constexpr bool declares_itself() {
  if constexpr (names_slot<Card, Slot>)
    return std::is_same_v<typename class_of_member<typename Slot::template declared<Card>>::type, Card>;
  else
    return false;
}
/// Members of a card are answers and nothing else: counted, since their names cannot be.
template <class Card>
consteval bool has_only_answers() {
  std::size_t own = 0;
  bool from_base = false;
  for_each_slot([&]<class Slot>(Slot) {
    const bool mine = declares_itself<Card, Slot>();
    own += mine;
    from_base = from_base || (names_slot<Card, Slot> && !mine);
  });
  return element_count<Card> == own + from_base;
}

/// What the functions of a policy are handed in a pass.
template <class P, class B, class Body>
using my_of = own<const typename kept<P, B, Body>::layer, const typename kept<P, B, Body>::shared,
                  typename kept<P, B, Body>::carried, typename kept<P, B, Body>::cached>;
/// And when they may change it.
template <class P, class B, class Body>
using mine_of = own<typename kept<P, B, Body>::layer, typename kept<P, B, Body>::shared, nothing>;

/// The policy answers the hook called with A..., and the result is an R.
template <class Hook, class R, class P, class My, class... A>
consteval bool gives() {
  if constexpr (answers<Hook, P, My, A...>)
    return std::is_void_v<R> || std::is_convertible_v<asked<Hook, P, My, A...>, R>;
  else
    return false;
}
/// It does, or has nothing of the name.
template <class Hook, class R, class P, class My, class... A>
consteval bool gives_or_lacks() {
  if constexpr (has_hook_within<Hook, P>)
    return gives<Hook, R, P, My, A...>();
  else
    return true;
}

/// It does, or says that it is none and has nothing of the name.
template <class Hook, class R, class P, class My, class... A>
consteval bool gives_or_is_none() {
  return gives<Hook, R, P, My, A...>() || (says_none<P> && !has_hook_within<Hook, P>);
}
/// What the policy keeps, a Kept, can be made; or it keeps nothing.
template <class Hook, class Kept, class P, class Body, class B>
consteval bool makes() {
  if constexpr (std::is_same_v<Kept, nothing>)
    return true;
  else
    return gives<Hook, Kept, P, const Body, const builder<B>&, const layer_shape&>();
}

/// The policy keeps no buffer, or has a function that may change it. `remember` may not: a pass changes nothing.
template <class P, class B, class Body>
inline constexpr bool buffers_change =
    has_hook_within<hooks::prepare, P> || has_hook_within<hooks::before_step, P> ||
    has_hook_within<hooks::after_step, P> ||
    !(holds_buffer<typename kept<P, B, Body>::layer, B>() || holds_buffer<typename kept<P, B, Body>::shared, B>());

/// The form uses the slot, and the card has answered it.
template <class Card, class Slot>
inline constexpr bool is_asked = form_uses<Card, Slot> && !std::is_same_v<answer<Card, Slot>, unused<Slot>>;

/// Stands for the parts that a form is given, of any card.
template <class B>
struct parts_of_a_form {
  const layer_shape& shape() const;
  const layer_shape& outside() const;
  variable<B> logits(const place<B>&, const variable<B>&);
  const routing<B>& route(const place<B>&, const variable<B>&);
  routing<B> assign(const place<B>&, id_matrix<B>);
  variable<B> always(const place<B>&, const variable<B>&, const routing<B>&);
  variable<B> experts(const place<B>&, const variable<B>&, const routing<B>&);
  template <class Form, class Inner>
  variable<B> mixture(Inner Form::*, const place<B>&, const variable<B>&);
};

}  // namespace detail

/// Every slot of the card that its form uses holds a policy made for it, and the card has no other members.
template <class Card>
consteval bool check_slots() {
  static_assert(std::is_aggregate_v<Card>, "gmoe: a card is a plain struct of policies, without constructors");
  static_assert(detail::lists_parts<decltype(detail::slots_used_by<answer<Card, slots::form>>())>,
                "gmoe: the form's `uses` is a gmoe::slot_list of the slots that it uses, any of those from experts to "
                "balance (see gmoe/moe/slots.hpp)");
#define GMOE_CHECK_SLOT(slot)                                                                                         \
  static_assert(names_slot<Card, slots::slot> || has_default<slots::slot> || !form_uses<Card, slots::slot>,           \
                "gmoe: the card has no member '" #slot                                                                \
                "'; a card answers every question by a member of that name (see gmoe/moe/card.hpp)");                 \
  if constexpr (names_slot<Card, slots::slot>) {                                                                      \
    constexpr bool fits = detail::fills<answer<Card, slots::slot>, slots::slot>;                                      \
    static_assert(fits, "gmoe: the card's member '" #slot                                                             \
                        "' is not a policy of that slot: a policy says `using slot = gmoe::slots::" #slot "`");       \
    if constexpr (fits) {                                                                                             \
      constexpr bool open = !std::is_final_v<answer<Card, slots::slot>>;                                              \
      static_assert(open, "gmoe: the card's member '" #slot "' is a final struct, which cannot be looked into");      \
      static_assert(                                                                                                  \
          detail::lists_all_fields<answer<Card, slots::slot>>(),                                                      \
          "gmoe: the card's member '" #slot                                                                           \
          "' has a number that its `fields` does not list, or is not a plain struct (see gmoe/core/field.hpp)");      \
      static_assert(form_uses<Card, slots::slot> || detail::says_none<answer<Card, slots::slot>>,                     \
                    "gmoe: the card answers '" #slot                                                                  \
                    "', which its form does not use: leave the member out, or hide the one of a base by "             \
                    "`gmoe::unused<gmoe::slots::" #slot "> " #slot "{};`");                                           \
      static_assert(!form_uses<Card, slots::slot> || !std::is_same_v<answer<Card, slots::slot>, unused<slots::slot>>, \
                    "gmoe: the card says that '" #slot "' is unused, but its form uses it");                          \
    }                                                                                                                 \
  }
  GMOE_CHECK_SLOT(experts)
  GMOE_CHECK_SLOT(body)
  GMOE_CHECK_SLOT(always)
  GMOE_CHECK_SLOT(router)
  GMOE_CHECK_SLOT(candidates)
  GMOE_CHECK_SLOT(score)
  GMOE_CHECK_SLOT(select)
  GMOE_CHECK_SLOT(capacity)
  GMOE_CHECK_SLOT(gate)
  GMOE_CHECK_SLOT(balance)
  GMOE_CHECK_SLOT(placement)
  GMOE_CHECK_SLOT(dense)
  GMOE_CHECK_SLOT(form)
  GMOE_CHECK_SLOT(attention)
  GMOE_CHECK_SLOT(norm)
  GMOE_CHECK_SLOT(positions)
  GMOE_CHECK_SLOT(head)
#undef GMOE_CHECK_SLOT
  if constexpr (std::is_aggregate_v<Card>)
    static_assert(detail::has_only_answers<Card>(),
                  "gmoe: the card has a member that is no slot; is one misspelt? (see gmoe/moe/slots.hpp)");
  return true;
}

/// The same, and the functions of its policies can be called on backend B.
template <class Card, class B>
consteval bool check_card() {
  if constexpr (!check_slots<Card>()) return false;
  using body = answer<Card, slots::body>;
  using at = const place<B>&;
  using routed = const routing<B>&;
  using x = const variable<B>&;
  using shape = const layer_shape&;

// What is asked, and of whom.
#define GMOE_GIVES(what, slot, my, hook, result, ...)                                                          \
  detail::what<hooks::hook, result, answer<Card, slots::slot>, detail::my<answer<Card, slots::slot>, B, body>, \
               __VA_ARGS__>()
// GMOE_MUST(slot, hook, result, sentence, arguments...): without it the card does not run, if its form uses the slot.
#define GMOE_MUST(slot, hook, result, sentence, ...)                                                               \
  static_assert(!detail::is_asked<Card, slots::slot> || GMOE_GIVES(gives, slot, my_of, hook, result, __VA_ARGS__), \
                "gmoe: the card's " #slot " cannot be asked for its " #hook ": it takes " sentence)
#define GMOE_MUST_CALL(slot, sentence, ...)                                      \
  static_assert(GMOE_GIVES(gives, slot, my_of, apply, variable<B>, __VA_ARGS__), \
                "gmoe: the card's " #slot " cannot be called: it takes " sentence)
// ..._OR_NONE: unless the policy says that it is none, and then has nothing of the name.
#define GMOE_OR_NONE(slot) "; a policy of '" #slot "' without it says `static constexpr bool none = true`"
#define GMOE_MUST_OR_NONE(slot, hook, result, sentence, ...)                          \
  static_assert(GMOE_GIVES(gives_or_is_none, slot, my_of, hook, result, __VA_ARGS__), \
                "gmoe: the card's " #slot " cannot be asked for its " #hook ": it takes " sentence GMOE_OR_NONE(slot))
#define GMOE_MUST_CALL_OR_NONE(slot, sentence, ...)                                         \
  static_assert(GMOE_GIVES(gives_or_is_none, slot, my_of, apply, variable<B>, __VA_ARGS__), \
                "gmoe: the card's " #slot " cannot be called: it takes " sentence GMOE_OR_NONE(slot))
// GMOE_MAY: it can be left out, but not be nearly right.
#define GMOE_NEARLY(slot, hook) "gmoe: the card's " #slot " has a member " #hook ", but it cannot be called as "
#define GMOE_MAY(slot, hook, result, sentence, ...) \
  static_assert(GMOE_GIVES(gives_or_lacks, slot, my_of, hook, result, __VA_ARGS__), GMOE_NEARLY(slot, hook) sentence)
#define GMOE_MAY_CHANGE(slot, hook, sentence, ...) \
  static_assert(GMOE_GIVES(gives_or_lacks, slot, mine_of, hook, void, __VA_ARGS__), GMOE_NEARLY(slot, hook) sentence)
// GMOE_NOT_CALLED: it would be silently ignored.
#define GMOE_NOT_CALLED(slot, hook)                                       \
  static_assert(!has_hook_within<hooks::hook, answer<Card, slots::slot>>, \
                "gmoe: the card's " #slot " has a member " #hook ", which nothing calls for this slot")
#define GMOE_AND_MY ", with `const auto& my` at the end if it keeps something"

  GMOE_MUST(experts, total, index_t, "index_t total(const sizes&, index_t moe_layers) const", const sizes&, index_t);
  if constexpr (!GMOE_GIVES(gives, experts, my_of, visible, std::vector<id_type>, const sizes&, index_t, index_t))
    GMOE_MUST(
        experts, visible, std::vector<id_type>,
        "std::vector<id_type> visible(const sizes&, index_t layer) const, or with `index_t moe_layers` at the end",
        const sizes&, index_t);
  GMOE_MAY(experts, width, index_t, "index_t width(const sizes&, index_t expert) const", const sizes&, index_t);
  GMOE_MAY(experts, kind, expert_kind, "expert_kind kind(const sizes&, index_t expert) const", const sizes&, index_t);
  GMOE_MAY(experts, home, index_t, "index_t home(const sizes&, index_t expert) const", const sizes&, index_t);
  GMOE_MAY(experts, publish, void, "void publish(layer_shape&) const", layer_shape&);

  static_assert(
      !detail::is_asked<Card, slots::body> || requires { typename body::template weights<B>; },
      "gmoe: the card's body has no member template weights<B>, the matrices of its experts");
  if constexpr (requires { typename body::template weights<B>; }) {
    struct own_bank {
      const typename body::template weights<B>& weights;
    };
    static_assert(detail::gives<hooks::make_weights, typename body::template weights<B>, body, nothing,
                                const builder<B>&, const pool_shape&>(),
                  "gmoe: the card's body cannot be asked for its make_weights: it takes weights<B> make_weights(const "
                  "builder<B>&, const pool_shape&) const");
    static_assert(detail::gives<hooks::apply, variable<B>, body, own_bank, at, x, routed>(),
                  "gmoe: the card's body cannot be called: it takes variable<B> operator()(const place<B>&, const "
                  "variable<B>& x, const routing<B>&, const auto& my) const, where `my.weights` are its weights<B>");
  }
  GMOE_MAY(body, trains, bool, "bool trains(std::int64_t step) const", std::int64_t);
  GMOE_MUST_CALL_OR_NONE(
      always, "variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&) const" GMOE_AND_MY, at,
      x, routed);
  GMOE_MUST(router, logits, variable<B>, "variable<B> logits(const place<B>&, const variable<B>& x) const" GMOE_AND_MY,
            at, x);
  GMOE_MAY(candidates, mask, matrix<B>, "matrix<B> mask(const place<B>&, const routing<B>&) const" GMOE_AND_MY, at,
           routed);
  GMOE_MUST(score, scores, variable<B>, "variable<B> scores(const place<B>&, const routing<B>&) const" GMOE_AND_MY, at,
            routed);
  GMOE_MAY(score, columns, index_t, "index_t columns(index_t experts) const", index_t);
  GMOE_MUST(select, choose, id_matrix<B>, "id_matrix<B> choose(const place<B>&, const routing<B>&) const" GMOE_AND_MY,
            at, routed);
  GMOE_MUST(select, at_most, index_t, "index_t at_most(const layer_shape&) const, the most experts per token", shape);
  GMOE_MAY(router, experts_per_token, double, "double experts_per_token(const layer_shape&) const", shape);
  GMOE_MAY(router, products, index_t, "index_t products(const layer_shape&) const, multiply-adds per token", shape);
  GMOE_MAY(router, decides, bool, "bool decides(const layer_shape&) const, false where logits are an earlier layer's",
           shape);
  GMOE_MAY(select, experts_per_token, double, "double experts_per_token(const layer_shape&) const", shape);
  GMOE_MAY(balance, experts_per_token, double, "double experts_per_token(const layer_shape&) const", shape);
  GMOE_MAY(form, experts_per_token, double, "double experts_per_token(const layer_shape&) const", shape);
  GMOE_MUST(capacity, keep, id_matrix<B>, "id_matrix<B> keep(const place<B>&, const routing<B>&) const" GMOE_AND_MY, at,
            routed);
  GMOE_MUST_OR_NONE(gate, weights, variable<B>,
                    "variable<B> weights(const place<B>&, const routing<B>&) const" GMOE_AND_MY, at, routed);
  GMOE_MAY(balance, layer_loss, variable<B>,
           "variable<B> layer_loss(const place<B>&, const routing<B>&) const" GMOE_AND_MY, at, routed);
  using all = const findings<B>&;
  if constexpr (!GMOE_GIVES(gives, balance, my_of, loss, variable<B>, all))
    GMOE_MAY(balance, loss, variable<B>,
             "variable<B> loss(const findings<B>&) const, or with `const place<B>&` before it" GMOE_AND_MY, at, all);
  using balance = answer<Card, slots::balance>;
  static_assert(detail::says_none<balance> || has_hook_within<hooks::layer_loss, balance> ||
                    has_hook_within<hooks::loss, balance>,
                "gmoe: the card's balance has neither variable<B> layer_loss(const place<B>&, const routing<B>&) const "
                "nor variable<B> loss(const findings<B>&) const" GMOE_OR_NONE(balance));
  GMOE_MUST(placement, has_experts, bool, "bool has_experts(const sizes&, index_t block) const", const sizes&, index_t);
  GMOE_MUST_CALL(dense, "variable<B> operator()(const place<B>&, const variable<B>& x) const" GMOE_AND_MY, at, x);
  GMOE_MUST_CALL(form, "variable<B> operator()(const place<B>&, auto& parts, const variable<B>& x) const" GMOE_AND_MY,
                 at, detail::parts_of_a_form<B>&, x);
  GMOE_MUST_CALL(attention, "variable<B> operator()(const place<B>&, const variable<B>& x) const" GMOE_AND_MY, at, x);
  GMOE_MAY(attention, cached_columns, index_t, "index_t cached_columns(const layer_shape&) const", shape);
  GMOE_MUST_CALL(norm, "variable<B> operator()(const place<B>&, const variable<B>& x) const" GMOE_AND_MY, at, x);
  GMOE_MUST_CALL(positions,
                 "variable<B> operator()(const place<B>&, const variable<B>& wte, index_t first) const" GMOE_AND_MY, at,
                 x, index_t);
  GMOE_MUST_CALL(head, "variable<B> operator()(const place<B>&, const variable<B>& wte) const" GMOE_AND_MY, at, x);

  GMOE_MAY(form, parts, layer_shape, "layer_shape parts(layer_shape) const", layer_shape);
  GMOE_MAY(form, routings, index_t, "index_t routings(const layer_shape&) const", shape);
  GMOE_MAY(form, pool_sizes, sizes, "sizes pool_sizes(const sizes&, index_t at_most) const", const sizes&, index_t);
// What is kept can be made, and what is made is kept.
#define GMOE_KEEPS(slot, what)                                                                                         \
  static_assert(detail::makes<hooks::make_##what, typename kept<answer<Card, slots::slot>, B, body>::what,             \
                              answer<Card, slots::slot>, body, B>(),                                                   \
                "gmoe: the card's " #slot " declares " #what "<B>, what it keeps, but has no " #what "<B> make_" #what \
                "(const builder<B>&, const layer_shape&) const");                                                      \
  static_assert(!std::is_same_v<typename kept<answer<Card, slots::slot>, B, body>::what, nothing> ||                   \
                    !has_hook<hooks::make_##what, answer<Card, slots::slot>>,                                          \
                "gmoe: the card's " #slot " has a member make_" #what ", but no member template " #what                \
                "<B>, what it keeps (see gmoe/moe/kept.hpp)")
#define GMOE_MAY_KEEP(slot)                                                                                 \
  GMOE_KEEPS(slot, layer);                                                                                  \
  GMOE_KEEPS(slot, shared);                                                                                 \
  static_assert(std::is_same_v<typename kept<answer<Card, slots::slot>, B, body>::cached, nothing> ||       \
                    reach_of<answer<Card, slots::slot>>(false) != reach::token,                             \
                "gmoe: the card's " #slot                                                                   \
                " declares cached<B>, what it keeps from position to position, but says "                   \
                "nothing of how far it looks: `static constexpr gmoe::reach reaches = gmoe::reach::past`"); \
  static_assert(detail::buffers_change<answer<Card, slots::slot>, B, body>,                                 \
                "gmoe: the card's " #slot                                                                   \
                " keeps a buffer, but has none of prepare, before_step and after_step, "                    \
                "which change it: what is always the same is a matrix<B>, what is trained a parameter<B>"); \
  GMOE_MAY(slot, group, index_t, "index_t group(index_t layer) const", index_t)
#define GMOE_MAY_LEARN(slot)                                                                                     \
  GMOE_MAY_KEEP(slot);                                                                                           \
  GMOE_MAY_CHANGE(slot, before_step, "void before_step(std::int64_t step, const auto& my) const", std::int64_t); \
  GMOE_MAY_CHANGE(slot, prepare, "void prepare(std::span<const std::int64_t> counts, const auto& my) const",     \
                  std::span<const std::int64_t>);                                                                \
  GMOE_MAY_CHANGE(slot, after_step,                                                                              \
                  "void after_step(std::int64_t step, const layer_statistics<B>&, const auto& my) const",        \
                  std::int64_t, const layer_statistics<B>&)
// Those that make a routing hear what became of it.
#define GMOE_ROUTES(slot) \
  GMOE_MAY_LEARN(slot);   \
  GMOE_MAY(slot, remember, void, "void remember(const place<B>&, const routing<B>&, const auto& my) const", at, routed)
#define GMOE_LEARNS_NOTHING(slot)     \
  GMOE_NOT_CALLED(slot, prepare);     \
  GMOE_NOT_CALLED(slot, before_step); \
  GMOE_NOT_CALLED(slot, after_step);  \
  GMOE_NOT_CALLED(slot, remember)
  GMOE_LEARNS_NOTHING(experts);
  GMOE_LEARNS_NOTHING(body);
  GMOE_MAY_LEARN(always);
  GMOE_NOT_CALLED(always, remember);
  GMOE_ROUTES(router);
  GMOE_ROUTES(candidates);
  GMOE_ROUTES(score);
  GMOE_ROUTES(select);
  GMOE_ROUTES(capacity);
  GMOE_ROUTES(gate);
  GMOE_ROUTES(balance);
  GMOE_LEARNS_NOTHING(placement);
  GMOE_MAY_KEEP(dense);
  GMOE_LEARNS_NOTHING(dense);
  GMOE_MAY_LEARN(form);
  GMOE_NOT_CALLED(form, remember);
  GMOE_MAY_KEEP(attention);
  GMOE_LEARNS_NOTHING(attention);
  GMOE_MAY_KEEP(norm);
  GMOE_LEARNS_NOTHING(norm);
  GMOE_MAY_KEEP(positions);
  GMOE_LEARNS_NOTHING(positions);
  GMOE_MAY_KEEP(head);
  GMOE_LEARNS_NOTHING(head);
  static_assert(detail::all_partners_fit<Card, B>());
#undef GMOE_ROUTES
#undef GMOE_LEARNS_NOTHING
#undef GMOE_MAY_LEARN
#undef GMOE_MAY_KEEP
#undef GMOE_KEEPS
#undef GMOE_AND_MY
#undef GMOE_NOT_CALLED
#undef GMOE_MAY_CHANGE
#undef GMOE_MAY
#undef GMOE_NEARLY
#undef GMOE_MUST_CALL_OR_NONE
#undef GMOE_MUST_OR_NONE
#undef GMOE_OR_NONE
#undef GMOE_MUST_CALL
#undef GMOE_MUST
#undef GMOE_GIVES
  return true;
}

}  // namespace gmoe
