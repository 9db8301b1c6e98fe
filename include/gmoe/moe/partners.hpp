#pragma once
/// Partners: what a policy needs of the card's other answers. It says so itself, with a sentence for who forgets:
///
///     template <class Card, class B>
///     static consteval bool check_partners() {
///       static_assert(!has_signed_scores<Card>, "mine: weights are shares of scores, which must not be negative");
///       return true;
///     }
///
/// Below is what such sentences ask.

#include <type_traits>
#include <utility>

#include "gmoe/moe/card.hpp"
#include "gmoe/moe/hooks.hpp"

namespace gmoe {

namespace detail {

/// The policy, or what it wraps, says that it stands for nothing: `static constexpr bool none = true`.
template <class P>
inline constexpr bool says_none = [] {
  if constexpr (requires { P::none; })
    return P::none;
  else if constexpr (wraps<P>)
    return says_none<std::remove_cvref_t<decltype(std::declval<P&>().of)>>;
  else
    return false;
}();
#define GMOE_SAYS(what)                                                             \
  /* The policy says `static constexpr bool what = true`, or what it wraps does. */ \
  template <class P>                                                                \
  constexpr bool says_##what() {                                                    \
    if constexpr (requires { P::what; })                                            \
      return P::what;                                                               \
    else if constexpr (wraps<P>)                                                    \
      return says_##what<std::remove_cvref_t<decltype(std::declval<P&>().of)>>();   \
    else                                                                            \
      return false;                                                                 \
  }
GMOE_SAYS(takes_logits)
GMOE_SAYS(makes_scores)
GMOE_SAYS(reads_ids_alone)
GMOE_SAYS(differs_by_layer)
GMOE_SAYS(notes_noise)
GMOE_SAYS(keeps_each_round)
#undef GMOE_SAYS

}  // namespace detail

/// The card's score takes logits as they are (`takes_logits`).
template <class Card>
inline constexpr bool has_logits_for_scores = detail::says_takes_logits<answer<Card, slots::score>>();
/// Scores may be negative: they are logits, and the router's logits are no scores (`makes_scores`).
template <class Card>
inline constexpr bool has_signed_scores =
    has_logits_for_scores<Card> && !detail::says_makes_scores<answer<Card, slots::router>>();
/// The card's balance is a loss.
template <class Card>
inline constexpr bool has_balance = !detail::says_none<answer<Card, slots::balance>>;
/// The router looks at the ids of tokens alone (`reads_ids_alone`).
template <class Router>
inline constexpr bool reads_no_rows = detail::says_reads_ids_alone<Router>();
/// The router notes its logits without noise and how much noise it has (`notes_noise`).
template <class Card>
inline constexpr bool has_noise = detail::says_notes_noise<answer<Card, slots::router>>();
/// The router keeps matrices for every round of a form, of which each uses its own (`keeps_each_round`).
template <class Card>
inline constexpr bool has_router_per_round = detail::says_keeps_each_round<answer<Card, slots::router>>();
/// There are scores to be read.
template <class Card>
inline constexpr bool has_scores = form_uses<Card, slots::score>;
/// The pool publishes numbers that other slots read, such as shared experts.
template <class Card>
inline constexpr bool has_published_numbers = has_hook_within<hooks::publish, answer<Card, slots::experts>>;
/// There is a logit for every expert, as far as the score says.
template <class Card>
inline constexpr bool has_logit_per_expert = !has_hook_within<hooks::columns, answer<Card, slots::score>>;
/// The pool shows other numbers of experts to other layers (`differs_by_layer`).
template <class Card>
inline constexpr bool has_uneven_layers = detail::says_differs_by_layer<answer<Card, slots::experts>>();

namespace detail {

/// The policy and what it wraps get on with the card's other answers.
template <class P, class Card, class B>
consteval bool partners_fit() {
  bool fit = true;
  if constexpr (requires { P::template check_partners<Card, B>(); }) fit = P::template check_partners<Card, B>();
  if constexpr (wraps<P>) fit = partners_fit<std::remove_cvref_t<decltype(std::declval<P&>().of)>, Card, B>() && fit;
  return fit;
}
/// Those of all slots that the card's form uses.
template <class Card, class B>
consteval bool all_partners_fit() {
  bool fit = true;
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (form_uses<Card, Slot>) fit = partners_fit<answer<Card, Slot>, Card, B>() && fit;
  });
  return fit;
}

}  // namespace detail
}  // namespace gmoe
