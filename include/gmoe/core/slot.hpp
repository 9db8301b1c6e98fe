#pragma once
/// Cards, slots and `with<>`: how a variant is spelled.
///
/// A card is a struct that answers every question of a mixture of experts by a member type:
///
///     struct my_card {
///       using experts   = global_pool;        // who are the routed experts, which layers share them?
///       using body      = relu_expert;        // what does one expert compute?
///       using always    = local_expert;       // what does every token get besides?
///       using router    = linear_router;      // how are tokens scored against experts?
///       using score     = softmax_score;      // how do router logits become scores?
///       using select    = top_k<1>;           // which scores become assignments?
///       using capacity  = no_capacity;        // what if an expert is asked by too many?
///       using gate      = selected_score;     // with which weight?
///       using balance   = switch_loss;        // what keeps the load even?
///       using placement = every_block;        // in which blocks?
///       using dense     = gpt2_feed_forward;  // what do the other blocks compute?
///     };
///
/// A policy says which slot it fills by deriving from the slot's tag (`struct mine : router_policy`), so that
/// `with<card, mine>` replaces the right answer whatever the order.

#include <type_traits>

namespace gmoe {

namespace slots {
struct experts {};
struct body {};
struct always {};
struct router {};
struct score {};
struct select {};
struct capacity {};
struct gate {};
struct balance {};
struct placement {};
struct dense {};
}  // namespace slots

// What a policy derives from: one tag per slot.
// clang-format off
struct experts_policy   { using slot = slots::experts; };
struct body_policy      { using slot = slots::body; };
struct always_policy    { using slot = slots::always; };
struct router_policy    { using slot = slots::router; };
struct score_policy     { using slot = slots::score; };
struct select_policy    { using slot = slots::select; };
struct capacity_policy  { using slot = slots::capacity; };
struct gate_policy      { using slot = slots::gate; };
struct balance_policy   { using slot = slots::balance; };
struct placement_policy { using slot = slots::placement; };
struct dense_policy     { using slot = slots::dense; };
// clang-format on

/// A type that fills a slot.
template <class P>
concept policy = requires {
  typename P::slot;
};

namespace detail {

template <class P, class Slot>
inline constexpr bool fills = false;
template <policy P, class Slot>
inline constexpr bool fills<P, Slot> = std::is_same_v<typename P::slot, Slot>;

template <class Slot, class Otherwise, class... P>
struct pick {
  using type = Otherwise;
};
template <class Slot, class Otherwise, class First, class... Rest>
struct pick<Slot, Otherwise, First, Rest...>
    : std::conditional_t<fills<First, Slot>, std::type_identity<First>, pick<Slot, Otherwise, Rest...>> {};

template <class Slot, class... P>
inline constexpr bool at_most_one = (0 + ... + int{fills<P, Slot>}) <= 1;

}  // namespace detail

/// Every slot of the card is there and holds a policy made for it; one sentence for each that is not.
template <class Card>
consteval bool check_card() {
#define GMOE_CHECK_SLOT(name)                                                        \
  static_assert(                                                                     \
      requires { typename Card::name; },                                             \
      "gmoe: the card has no slot '" #name                                           \
      "'; a card answers every question by a member type (see gmoe/core/slot.hpp)"); \
  if constexpr (requires { typename Card::name; })                                   \
    static_assert(detail::fills<typename Card::name, slots::name>,                   \
                  "gmoe: the card's slot '" #name "' holds a type that does not derive from " #name "_policy");
  GMOE_CHECK_SLOT(experts)
  GMOE_CHECK_SLOT(body)
  GMOE_CHECK_SLOT(always)
  GMOE_CHECK_SLOT(router)
  GMOE_CHECK_SLOT(score)
  GMOE_CHECK_SLOT(select)
  GMOE_CHECK_SLOT(capacity)
  GMOE_CHECK_SLOT(gate)
  GMOE_CHECK_SLOT(balance)
  GMOE_CHECK_SLOT(placement)
  GMOE_CHECK_SLOT(dense)
#undef GMOE_CHECK_SLOT
  return true;
}

/// The card `Base` with some answers replaced: `with<gmoe_card, no_choice, top_k<2>>`. Order-free.
template <class Base, class... P>
struct with {
  static_assert((policy<P> && ...),
                "gmoe: with<> was given a type that fills no slot; a policy derives from router_policy, "
                "select_policy, ... (see gmoe/core/slot.hpp)");
#define GMOE_ONE_ANSWER(name)                                                    \
  static_assert(detail::at_most_one<slots::name, P...>,                          \
                "gmoe: with<> was given two policies for the slot '" #name "'"); \
  using name = typename detail::pick<slots::name, typename Base::name, P...>::type;
  GMOE_ONE_ANSWER(experts)
  GMOE_ONE_ANSWER(body)
  GMOE_ONE_ANSWER(always)
  GMOE_ONE_ANSWER(router)
  GMOE_ONE_ANSWER(score)
  GMOE_ONE_ANSWER(select)
  GMOE_ONE_ANSWER(capacity)
  GMOE_ONE_ANSWER(gate)
  GMOE_ONE_ANSWER(balance)
  GMOE_ONE_ANSWER(placement)
  GMOE_ONE_ANSWER(dense)
#undef GMOE_ONE_ANSWER
};

}  // namespace gmoe
