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
#include "gmoe/model/cards.hpp"

namespace gmoe {

namespace detail {

template <class... Cards>
consteval bool names_differ() {
  const std::array<std::string_view, sizeof...(Cards)> names{text_of<Cards>.name...};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j]) return false;
  return true;
}

}  // namespace detail

/// Cards to choose from by name.
template <class... Cards>
struct card_list {
  static_assert(((!text_of<Cards>.name.empty()) && ...),
                "gmoe: a card in the list has no name; give it a static member `text` (see gmoe/moe/card.hpp)");
  static_assert(
      detail::names_differ<Cards...>(),
      "gmoe: two cards of the list have the same name; a card that derives from another needs a `text` of its "
      "own");
  static constexpr std::array<card_text, sizeof...(Cards)> texts{text_of<Cards>...};
};

/// Every card of the library.
using all_cards =
    card_list<dense_card, dense_relu_card, smoe_card, switch_card, switch_shared_card, gshard_card, gshard_paper_card,
              hash_card, deepseek_moe_card, gmoe_card, gmoe_no_local_card, gmoe_no_local_top2_card, gmoe_no_logits_card,
              gmoe_no_state_card, gmoe_no_global_card, gmoe_every_second_card, gmoe_fine_grained_card>;

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
