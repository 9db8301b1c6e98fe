#pragma once
/// What pages say of cards, held against the library: the card as it stands there, and the formula of its parameters.

#include <iostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

namespace pages {

/// Every slot holds the same answer with the same numbers, and the texts are the same.
template <class A, class B>
bool is_the_librarys() {
  using namespace gmoe;
  static_assert(text_of<A>.name == text_of<B>.name && text_of<A>.paper == text_of<B>.paper &&
                text_of<A>.summary == text_of<B>.summary && text_of<A>.source == text_of<B>.source);
  for_each_slot([]<class Slot>(Slot) { static_assert(std::is_same_v<answer<A, Slot>, answer<B, Slot>>); });
  const auto numbers = [](const auto& card) {
    std::string all;
    each_setting(card, [&](const setting& s) { all += s.path() + " = " + s.text() + " "; });
    return all;
  };
  const std::string page = numbers(A{}), library = numbers(B{});
  if (page != library) std::cerr << text_of<A>.name << ": the page has " << page << "but the card " << library << "\n";
  return page == library;
}

/// A model of the card with these numbers has so many parameters.
template <class Card>
bool has_parameters(const gmoe::sizes& s, gmoe::index_t expected,
                    const std::vector<std::pair<std::string, std::string>>& numbers = {}) {
  Card card{};
  for (const auto& [name, value] : numbers) gmoe::change_setting(card, name, value);
  gmoe::language_model<Card, gmoe::cpu<float>> model(s, card, 1, gmoe::build_mode::shapes_only);
  gmoe::index_t total = 0;
  model.each_parameter([&](auto& p) { total += p.size(); });
  if (total != expected)
    std::cerr << gmoe::text_of<Card>.name << ": the model has " << total << " parameters, the page says " << expected
              << "\n";
  return total == expected;
}

}  // namespace pages
