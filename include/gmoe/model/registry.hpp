#pragma once
/// Cards by name: what a command line says becomes a type.
///
///     using mine = card_list<gmoe_card, switch_card, my_card>;          // instantiate only these
///     with_card<mine>("switch", [&]<class Card>() { train<Card>(); });

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/model/card_list.hpp"
#include "gmoe/model/cards.hpp"

namespace gmoe {

/// Every card of the library.
using all_cards = join_cards<dense_cards, switch_cards, gshard_cards, deepseek_cards, llama_cards, gmoe_cards,
                             forms_cards, scoring_cards>;

namespace detail {

template <class Card, class F>
decltype(auto) call_for(F& f) {
  return f.template operator()<Card>();
}
/// For card number `at` of the list.
template <class First, class... Rest, class F>
decltype(auto) call_with_card(card_list<First, Rest...>, std::size_t at, F& f) {
  using call = decltype(f.template operator()<First>()) (*)(F&);
  static constexpr call calls[] = {&call_for<First, F>, &call_for<Rest, F>...};
  return calls[at](f);
}

}  // namespace detail

/// Calls f.operator()<Card>() for the card of that name and returns its result. Throws config_error for an unknown
/// name, with the nearest known one.
template <class List = all_cards, class F>
decltype(auto) with_card(std::string_view name, F&& f) {
  std::array<std::string_view, List::texts.size()> names;
  std::size_t at = names.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = List::texts[i].name;
    if (names[i] == name) at = i;
  }
  if (at == names.size()) {
    std::string all;
    for (const std::string_view n : names) all += (all.empty() ? "" : ", ") + std::string(n);
    throw config_error(
        concat("there is no card '", name, "'; did you mean '", nearest_name(name, names), "'? Known cards: ", all));
  }
  return detail::call_with_card(List{}, at, f);
}

}  // namespace gmoe
