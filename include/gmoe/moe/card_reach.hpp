#pragma once
/// How far a card looks.

#include <algorithm>
#include <tuple>
#include <type_traits>

#include "gmoe/moe/inner.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/settings.hpp"

namespace gmoe {

/// The slot of a card that looks furthest, of those that make a difference to its models, and how far.
struct card_reach {
  reach how = reach::token;
  std::string_view slot;
};
namespace detail {
template <class Card>
constexpr reach reach_within(bool training);
}
template <class Card>
constexpr card_reach reach_of_card(bool training) {
  card_reach widest;
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (!uses_slot<Card, Slot>) return;
    const reach r = std::max(reach_of<answer<Card, Slot>>(training),
                             std::is_same_v<Slot, slots::form> ? detail::reach_within<Card>(training) : reach::token);
    if (r > widest.how) widest = {r, Slot::name};
  });
  return widest;
}
template <class Card>
constexpr card_reach reach_of_card(const Card&, bool training) {
  return reach_of_card<Card>(training);
}

namespace detail {

/// Of a mixture that a form holds.
template <class Card>
constexpr reach reach_of_mixture(bool training) {
  reach widest = reach_within<Card>(training);
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (mixture_uses_slot<Card, Slot>) widest = std::max(widest, reach_of<answer<Card, Slot>>(training));
  });
  return widest;
}
/// Of all that the card's form holds.
template <class Card>
constexpr reach reach_within(bool training) {
  return std::apply(
      [&]<class... P, class... T>(const field<P, T>&...) {
        return std::max({reach::token, reach_of_mixture<T>(training)...});
      },
      inner_cards<answer<Card, slots::form>>());
}

}  // namespace detail

}  // namespace gmoe
