#pragma once
/// How far a card looks.

#include "gmoe/moe/card.hpp"
#include "gmoe/moe/reach.hpp"

namespace gmoe {

/// The slot of a card that looks furthest, and how far.
struct card_reach {
  reach how = reach::token;
  std::string_view slot;
};
template <class Card>
constexpr card_reach reach_of_card(bool training) {
  card_reach widest;
  for_each_slot([&]<class Slot>(Slot) {
    const reach r = reach_of<answer<Card, Slot>>(training);
    if (r > widest.how) widest = {r, Slot::name};
  });
  return widest;
}
template <class Card>
constexpr card_reach reach_of_card(const Card&, bool training) {
  return reach_of_card<Card>(training);
}

}  // namespace gmoe
