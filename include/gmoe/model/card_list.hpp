#pragma once
/// Lists of cards: what belongs together, and what a name is looked for in.

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "gmoe/moe/card.hpp"

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
  using cards = card_list;  ///< of a list that derives from this: the cards alone
  static_assert(((!text_of<Cards>.name.empty()) && ...),
                "gmoe: a card in the list has no name; give it a static member `text` (see gmoe/moe/card.hpp)");
  static_assert(
      detail::names_differ<Cards...>(),
      "gmoe: two cards of the list have the same name; a card that derives from another needs a `text` of its "
      "own");
  static constexpr std::array<card_text, sizeof...(Cards)> texts{text_of<Cards>...};
};

namespace detail {

template <class... Lists>
struct joined_cards;
template <class... Cards>
struct joined_cards<card_list<Cards...>> {
  using type = card_list<Cards...>;
};
template <class... First, class... Second, class... Rest>
struct joined_cards<card_list<First...>, card_list<Second...>, Rest...>
    : joined_cards<card_list<First..., Second...>, Rest...> {};

}  // namespace detail

/// The cards of several lists, one after the other.
template <class... Lists>
using join_cards = typename detail::joined_cards<typename Lists::cards...>::type;

/// What a family of cards is about: a name for it, and the question that moves in it.
struct group_text {
  std::string_view name, question;
};

/// The text of a list of cards, which stands beside the list; empty where it has none:
///
///     using my_cards = card_list<first_card, second_card>;
///     template <>
///     inline constexpr group_text group_of<my_cards>{"mine", "what if experts were my own?"};
template <class List>
inline constexpr group_text group_of{};

/// A family as a program shows it.
struct card_group {
  std::string_view name, question;
  std::span<const card_text> cards;
};

/// The same, and which list each is from: `make_card` and `make_model` compile each list by itself, so that each can be
/// compiled once, in a file of its own (see compiled/models.hpp).
template <class... Lists>
struct card_families : join_cards<Lists...> {
  using families = card_families;  ///< of a list that derives from this: the lists alone
  static_assert(sizeof...(Lists) > 0, "gmoe: card_families<> needs a list of cards at least");
  static constexpr std::array<card_group, sizeof...(Lists)> groups{
      card_group{group_of<Lists>.name, group_of<Lists>.question, Lists::texts}...};
};

}  // namespace gmoe
