#pragma once
/// Cards: how a variant is spelled.
///
/// A card is a struct of policies. A policy is a value: its type decides the algorithm, its fields the numbers.
///
///     struct my_card {
///       static constexpr card_text text{"mine", "", "top-2 of a pool per layer"};
///       layer_pool        experts{};        // who are the routed experts, which layers share them?
///       relu_expert       body{};           // what does one expert compute?
///       no_always         always{};         // what does every token get besides?
///       linear_router     router{};         // how are tokens scored against experts?
///       softmax_score     score{};          // how do router logits become scores?
///       top_k             select{.k = 2};   // which scores become assignments?
///       no_capacity       capacity{};       // what if an expert is asked by too many?
///       selected_score    gate{};           // with which weight?
///       switch_loss       balance{};        // what keeps the load even?
///       every_block       placement{};      // in which blocks?
///       gpt2_feed_forward dense{};          // what do the other blocks compute?
///     };                                    // and, where it is not the usual: candidates, form, attention,
///                                       // norm, positions, head
///
/// A card whose form does not use a slot has no member of its name, or `unused<slots::select> select{}`.
/// A variant derives and hides the answers that it changes; `with<my_card, cosine_router>` does the same without a
/// name, and `card<my_card>(switch_loss{.alpha = 0.02})` makes a value that differs in numbers alone.

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/form/one_pass.hpp"
#include "gmoe/moe/head/tied_head.hpp"
#include "gmoe/moe/norm/layer_norms.hpp"
#include "gmoe/moe/positions/learned_positions.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// From what a card was written.
enum class written_from {
  paper,        ///< its equations
  code,         ///< its equations, compared with code that its authors published
  description,  ///< an abstract or a digest: the equations are a reconstruction, and said to be one wherever it shows
};

/// What a person reads about a card.
struct card_text {
  std::string_view name;     ///< on command lines, in tables and checkpoints
  std::string_view paper;    ///< authors and where, empty for what has no paper of its own
  std::string_view summary;  ///< one line
  written_from source = written_from::paper;
};

/// The text of a card, empty where it has none.
template <class Card>
inline constexpr card_text text_of = [] {
  if constexpr (requires { Card::text; })
    return card_text(Card::text);
  else
    return card_text{};
}();

/// The same of a value.
template <class Card>
constexpr card_text text_of_card(const Card&) {
  return text_of<Card>;
}
/// The card with the numbers that it has of its own.
template <class Card>
constexpr Card with_own_numbers(const Card&) {
  return {};
}

/// The card has a member of the slot's name.
template <class Card, class Slot>
concept names_slot = requires(Card& card) {
  Slot::of(card);
};

/// A card: a plain struct with a member for at least one question.
template <class T>
inline constexpr bool is_card = []<class... Slots>(std::type_identity<std::tuple<Slots...>>) {
  return std::is_aggregate_v<T> && (names_slot<T, Slots> || ...);
}(std::type_identity<slots::all>{});

/// A slot that a card may leave out.
template <class Slot>
concept has_default = requires {
  typename Slot::otherwise;
};

namespace detail {

template <class Card, class Slot>
struct answer_type {
  using type = unused<Slot>;
};
template <class Card, class Slot>
requires(!names_slot<Card, Slot> && has_default<Slot>) struct answer_type<Card, Slot> {
  using type = typename Slot::otherwise;
};
template <class Card, class Slot>
requires names_slot<Card, Slot>
struct answer_type<Card, Slot> {
  using type = std::remove_cvref_t<decltype(Slot::of(std::declval<Card&>()))>;
};

}  // namespace detail

/// The policy with which a card answers a slot: answer<switch_card, slots::router> is linear_router. Where it says
/// nothing, the slot's default, or unused<Slot>.
template <class Card, class Slot>
using answer = typename detail::answer_type<std::remove_const_t<Card>, Slot>::type;

namespace detail {

/// What a form, or the one that it wraps, says that it uses; all where it says nothing.
template <class Form>
constexpr auto slots_used_by() {
  if constexpr (requires { typename Form::uses; })
    return typename Form::uses{};
  else if constexpr (wraps<Form>)
    return slots_used_by<std::remove_cvref_t<decltype(std::declval<Form&>().of)>>();
  else
    return slots::parts_of_a_layer{};
}
template <class Slot, class List>
inline constexpr bool is_in = false;
template <class Slot, class... Slots>
inline constexpr bool is_in<Slot, slot_list<Slots...>> = (std::is_same_v<Slot, Slots> || ...);
/// A list of slots that may be a form's parts.
template <class List>
inline constexpr bool lists_parts = false;
template <class... Slots>
inline constexpr bool lists_parts<slot_list<Slots...>> = (is_in<Slots, slots::parts_of_a_layer> && ...);

}  // namespace detail

/// The slot's policy is asked in mixtures of the card: its form uses it, or it is none of a form's parts.
template <class Card, class Slot>
inline constexpr bool form_uses = [] {
  using uses = decltype(detail::slots_used_by<answer<Card, slots::form>>());
  return !detail::is_in<Slot, slots::parts_of_a_layer> || !detail::lists_parts<uses> || detail::is_in<Slot, uses>;
}();

/// The card's answer as a value: a reference into the card, or what stands for a slot that it does not name.
template <class Slot, class Card>
constexpr decltype(auto) answer_of(Card& card) {
  if constexpr (names_slot<Card, Slot>)
    return Slot::of(card);
  else
    return answer<Card, Slot>{};
}

/// What the card gives every token besides are the experts that its pool sets aside, as many as the pool says.
template <class Card>
constexpr bool computes_shared_experts(const Card&) {
  return requires { answer<Card, slots::always>::computes_shared_experts; };
}

namespace detail {

template <class P, class Slot>
inline constexpr bool fills = false;
template <policy P, class Slot>
inline constexpr bool fills<P, Slot> = std::is_same_v<typename P::slot, Slot>;

/// The one of P... that fills the slot, else the base's answer with its numbers.
template <class Slot, class Base, class... P>
struct pick {
  using type = answer<Base, Slot>;
  static constexpr type value() {
    Base base{};
    return answer_of<Slot>(base);
  }
};
template <class Slot, class Base, class First, class... Rest>
struct pick<Slot, Base, First, Rest...> : pick<Slot, Base, Rest...> {};
template <class Slot, class Base, class First, class... Rest>
requires fills<First, Slot>
struct pick<Slot, Base, First, Rest...> {
  using type = First;
  static constexpr type value() { return {}; }
};
template <class Slot, class... P>
inline constexpr bool at_most_one = (0 + ... + int{fills<P, Slot>}) <= 1;

}  // namespace detail

/// The card `Base` with some answers replaced: `with<gmoe_card, linear_router, renormalised_scores>`. Order-free.
template <class Base, class... P>
struct with {
  static_assert((policy<P> && ...),
                "gmoe: with<> was given a type that fills no slot; a policy says `using slot = gmoe::slots::router`, "
                "`gmoe::slots::select`, ... (see gmoe/moe/slots.hpp)");
#define GMOE_ONE_ANSWER(slot)                                                    \
  static_assert(detail::at_most_one<slots::slot, P...>,                          \
                "gmoe: with<> was given two policies for the slot '" #slot "'"); \
  typename detail::pick<slots::slot, Base, P...>::type slot = detail::pick<slots::slot, Base, P...>::value()
  GMOE_ONE_ANSWER(experts);
  GMOE_ONE_ANSWER(body);
  GMOE_ONE_ANSWER(always);
  GMOE_ONE_ANSWER(router);
  GMOE_ONE_ANSWER(candidates);
  GMOE_ONE_ANSWER(score);
  GMOE_ONE_ANSWER(select);
  GMOE_ONE_ANSWER(capacity);
  GMOE_ONE_ANSWER(gate);
  GMOE_ONE_ANSWER(balance);
  GMOE_ONE_ANSWER(placement);
  GMOE_ONE_ANSWER(dense);
  GMOE_ONE_ANSWER(form);
  GMOE_ONE_ANSWER(attention);
  GMOE_ONE_ANSWER(norm);
  GMOE_ONE_ANSWER(positions);
  GMOE_ONE_ANSWER(head);
#undef GMOE_ONE_ANSWER
};

/// A card with other numbers, whatever the order: `card<smoe_card>(switch_loss{.alpha = 0.02}, top_k{.k = 3})`.
template <class Card, class... P>
constexpr Card card(const P&... policies) {
  Card made{};
  [[maybe_unused]] const auto set = [&]<class Policy>(const Policy& p) {
    static_assert(policy<Policy>, "gmoe: card<>() was given a type that fills no slot");
    if constexpr (policy<Policy>) {
      constexpr bool same = std::is_same_v<answer<Card, typename Policy::slot>, Policy>;
      static_assert(same,
                    "gmoe: card<>() sets numbers: each policy must be of the type that the card answers with; another "
                    "type is another variant, with<Card, Policy>");
      if constexpr (same) Policy::slot::of(made) = p;
    }
  };
  (set(policies), ...);
  return made;
}

}  // namespace gmoe
