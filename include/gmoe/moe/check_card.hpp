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
#include "gmoe/moe/place.hpp"
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
                  typename kept<P, B, Body>::carried>;
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

}  // namespace detail

/// Every slot of the card holds a policy made for it, and the card has no other members.
template <class Card>
consteval bool check_slots() {
  static_assert(std::is_aggregate_v<Card>, "gmoe: a card is a plain struct of policies, without constructors");
#define GMOE_CHECK_SLOT(slot)                                                                                  \
  static_assert(names_slot<Card, slots::slot> || has_default<slots::slot>,                                     \
                "gmoe: the card has no member '" #slot                                                         \
                "'; a card answers every question by a member of that name (see gmoe/moe/card.hpp)");          \
  if constexpr (names_slot<Card, slots::slot>) {                                                               \
    static_assert(detail::fills<answer<Card, slots::slot>, slots::slot>,                                       \
                  "gmoe: the card's member '" #slot                                                            \
                  "' is not a policy of that slot: a policy says `using slot = gmoe::slots::" #slot "`");      \
    static_assert(!std::is_final_v<answer<Card, slots::slot>>,                                                 \
                  "gmoe: the card's member '" #slot "' is a final struct, which cannot be looked into");       \
    static_assert(                                                                                             \
        detail::lists_all_fields<answer<Card, slots::slot>>(),                                                 \
        "gmoe: the card's member '" #slot                                                                      \
        "' has a number that its `fields` does not list, or is not a plain struct (see gmoe/core/field.hpp)"); \
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

// GMOE_MUST(slot, hook, result, sentence, arguments...): without it the card does not run.
#define GMOE_MUST(slot, hook, result, sentence, ...)                                             \
  static_assert(detail::gives<hooks::hook, result, answer<Card, slots::slot>,                    \
                              detail::my_of<answer<Card, slots::slot>, B, body>, __VA_ARGS__>(), \
                "gmoe: the card's " #slot " cannot be asked for its " #hook ": it takes " sentence)
// GMOE_MAY: it can be left out, but not be nearly right.
#define GMOE_MAY(slot, hook, result, sentence, ...)                                                       \
  static_assert(detail::gives_or_lacks<hooks::hook, result, answer<Card, slots::slot>,                    \
                                       detail::my_of<answer<Card, slots::slot>, B, body>, __VA_ARGS__>(), \
                "gmoe: the card's " #slot " has a member " #hook ", but it cannot be called as " sentence)
#define GMOE_MAY_CHANGE(slot, hook, sentence, ...)                                                          \
  static_assert(detail::gives_or_lacks<hooks::hook, void, answer<Card, slots::slot>,                        \
                                       detail::mine_of<answer<Card, slots::slot>, B, body>, __VA_ARGS__>(), \
                "gmoe: the card's " #slot " has a member " #hook ", but it cannot be called as " sentence)

  GMOE_MUST(experts, total, index_t, "index_t total(const sizes&, index_t moe_layers) const", const sizes&, index_t);
  GMOE_MUST(experts, visible, std::vector<id_type>, "std::vector<id_type> visible(const sizes&, index_t layer) const",
            const sizes&, index_t);
  GMOE_MAY(experts, width, index_t, "index_t width(const sizes&, index_t expert) const", const sizes&, index_t);
  GMOE_MAY(experts, publish, void, "void publish(layer_shape&) const", layer_shape&);

  static_assert(
      requires { typename body::template weights<B>; },
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
                  "variable<B>& x, const routing<B>&, const auto& my) const");
  }
  GMOE_MAY(always, apply, variable<B>,
           "variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto& my) const", at,
           x, routed);
  GMOE_MUST(router, logits, variable<B>,
            "variable<B> logits(const place<B>&, const variable<B>& x) const, with `const auto& my` after x if it "
            "keeps something",
            at, x);
  GMOE_MAY(candidates, mask, matrix<B>, "matrix<B> mask(const place<B>&, const routing<B>&) const", at, routed);
  GMOE_MUST(score, scores, variable<B>, "variable<B> scores(const place<B>&, const routing<B>&) const", at, routed);
  GMOE_MAY(score, columns, index_t, "index_t columns(index_t experts) const", index_t);
  GMOE_MUST(select, choose, id_matrix<B>, "id_matrix<B> choose(const place<B>&, const routing<B>&) const", at, routed);
  GMOE_MUST(select, at_most, index_t, "index_t at_most(const layer_shape&) const, the most experts per token", shape);
  GMOE_MAY(select, experts_per_token, double, "double experts_per_token(const layer_shape&) const", shape);
  GMOE_MUST(capacity, keep, id_matrix<B>, "id_matrix<B> keep(const place<B>&, const routing<B>&) const", at, routed);
  GMOE_MAY(gate, weights, variable<B>, "variable<B> weights(const place<B>&, const routing<B>&) const", at, routed);
  GMOE_MAY(balance, layer_loss, variable<B>, "variable<B> layer_loss(const place<B>&, const routing<B>&) const", at,
           routed);
  GMOE_MAY(balance, loss, variable<B>, "variable<B> loss(const findings<B>&) const", const findings<B>&);
  GMOE_MUST(placement, has_experts, bool, "bool has_experts(const sizes&, index_t block) const", const sizes&, index_t);
  GMOE_MUST(dense, apply, variable<B>,
            "variable<B> operator()(const place<B>&, const variable<B>& x) const, with `const auto& my` after x if it "
            "keeps something",
            at, x);
  GMOE_MUST(attention, apply, variable<B>,
            "variable<B> operator()(const place<B>&, const variable<B>& x) const, with `const auto& my` after x if it "
            "keeps something",
            at, x);

  GMOE_MAY(form, parts, layer_shape, "layer_shape parts(layer_shape) const", layer_shape);
  GMOE_MAY(form, routings, index_t, "index_t routings(const layer_shape&) const", shape);
#define GMOE_MAY_KEEP(slot)                                                                                      \
  GMOE_MAY(slot, group, index_t, "index_t group(index_t layer) const", index_t);                                 \
  GMOE_MAY(slot, remember, void, "void remember(const place<B>&, const routing<B>&, const auto& my) const", at,  \
           routed);                                                                                              \
  GMOE_MAY_CHANGE(slot, before_step, "void before_step(std::int64_t step, const auto& my) const", std::int64_t); \
  GMOE_MAY_CHANGE(slot, prepare, "void prepare(std::span<const std::int64_t> counts, const auto& my) const",     \
                  std::span<const std::int64_t>);                                                                \
  GMOE_MAY_CHANGE(slot, after_step,                                                                              \
                  "void after_step(std::int64_t step, const layer_statistics<B>&, const auto& my) const",        \
                  std::int64_t, const layer_statistics<B>&)
  GMOE_MAY_KEEP(always);
  GMOE_MAY_KEEP(router);
  GMOE_MAY_KEEP(candidates);
  GMOE_MAY_KEEP(score);
  GMOE_MAY_KEEP(select);
  GMOE_MAY_KEEP(capacity);
  GMOE_MAY_KEEP(gate);
  GMOE_MAY_KEEP(balance);
  GMOE_MAY_KEEP(form);
#undef GMOE_MAY_KEEP
#undef GMOE_MAY_CHANGE
#undef GMOE_MAY
#undef GMOE_MUST
  return true;
}

}  // namespace gmoe
