#pragma once
/// Cards by name: what a command line says becomes a type.
///
///     using mine = card_list<gmoe_card, switch_card, my_card>;          // instantiate only these
///     with_card<mine>("switch", [&]<class Card>() { train<Card>(); });

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/model/card_list.hpp"
#include "gmoe/model/cards.hpp"

namespace gmoe {

/// Every card of the library, family by family.
struct all_cards : card_families<dense_cards, switch_cards, gshard_cards, deepseek_cards, llama_cards, gmoe_cards,
                                 depth_cards, pools_cards, decisions_cards, choosing_cards, scoring_cards, forms_cards,
                                 bodies_cards, attention_cards> {
  static_assert(std::ranges::none_of(groups, [](const card_group& g) { return g.name.empty() || g.question.empty(); }),
                "gmoe: a family of all_cards does not say what it is about; write its group_of<> beside its list");
};

namespace detail {

/// The place of a name among `texts`. Throws config_error where there is none, with the nearest known one.
inline std::size_t find_card(std::span<const card_text> texts, std::string_view name) {
  std::vector<std::string_view> names;
  for (const card_text& t : texts) names.push_back(t.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string all;
  for (const std::string_view n : names) all += (all.empty() ? "" : ", ") + std::string(n);
  throw config_error(
      concat("there is no card '", name, "'; did you mean '", nearest_name(name, names), "'? Known cards: ", all));
}

template <class T, class F>
decltype(auto) call_for(F& f) {
  return f.template operator()<T>();
}
/// f for the one at a place of the arguments of L, a list of cards or of lists of them.
template <template <class...> class L, class First, class... Rest, class F>
decltype(auto) call_at(L<First, Rest...>, std::size_t at, F& f) {
  using call = decltype(f.template operator()<First>()) (*)(F&);
  static constexpr call calls[] = {&call_for<First, F>, &call_for<Rest, F>...};
  return calls[at](f);
}

/// The number of the list that has the card of that place.
template <class... Lists>
std::size_t family_at(card_families<Lists...>, std::size_t at) {
  std::size_t family = 0;
  for (const std::size_t size : {Lists::texts.size()...}) {
    if (at < size) break;
    at -= size;
    ++family;
  }
  return family;
}

}  // namespace detail

/// Calls f.operator()<Card>() for the card of that name and returns its result. Throws config_error for an unknown
/// name, with the nearest known one.
template <class List = all_cards, class F>
decltype(auto) with_card(std::string_view name, F&& f) {
  return detail::call_at(typename List::cards{}, detail::find_card(List::texts, name), f);
}

/// Calls f.operator()<Family>() for the list of cards that has the name: one of the families, where the list knows
/// them, else itself. Throws as with_card does.
template <class List = all_cards, class F>
decltype(auto) with_family(std::string_view name, F&& f) {
  const std::size_t at = detail::find_card(List::texts, name);
  if constexpr (requires { typename List::families; })
    return detail::call_at(typename List::families{}, detail::family_at(typename List::families{}, at), f);
  else
    return f.template operator()<List>();
}

}  // namespace gmoe
