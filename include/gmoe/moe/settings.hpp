#pragma once
/// Every number of a card by name: "balance.alpha", "select.k", "router.of.temperature".

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/placement/placement.hpp"

namespace gmoe {

/// A policy around another one of its slot, in its member `of`.
template <class P>
concept wraps = requires(const P& p) {
  typename std::remove_cvref_t<decltype(p.of)>::slot;
};

namespace detail {

/// Every member of a policy is a field or the policy that it wraps: no number can be forgotten.
template <class P>
consteval bool lists_all_fields() {
  if constexpr (std::is_empty_v<P>)
    return true;
  else if constexpr (std::is_aggregate_v<P>)
    return std::tuple_size_v<decltype(fields_of<P>())> + wraps<P> == element_count<P>;
  else
    return false;
}

}  // namespace detail

/// Visits the fields of a policy and of what it wraps: visit(path, field, value).
template <class P>
void each_policy_field(P& p, const std::string& path, auto&& visit) {
  static_assert(detail::lists_all_fields<std::remove_const_t<P>>(),
                "gmoe: a policy is a plain struct that lists each of its members in `fields`, but this one (P) has a "
                "member more or less");
  each_field(p, [&](const auto& f, auto& value) { visit(path + "." + std::string(f.name), f, value); });
  if constexpr (wraps<std::remove_const_t<P>>) each_policy_field(p.of, path + ".of", visit);
}

/// The slot makes a difference to models of the card: in one without a mixture only what all blocks have does.
template <class Card, class Slot>
inline constexpr bool uses_slot = !std::is_same_v<answer<Card, slots::placement>, no_block> ||
                                  std::is_same_v<Slot, slots::dense> || std::is_same_v<Slot, slots::attention>;

/// Visits every field that makes a difference: visit("balance.alpha", field, value).
template <class Card>
void each_setting(Card& card, auto&& visit) {
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (names_slot<Card, Slot> && uses_slot<Card, Slot>)
      each_policy_field(Slot::of(card), std::string(Slot::name), visit);
  });
}

/// Whether the card has a field of that name.
template <class Card>
bool has_setting(std::string_view name) {
  Card card{};
  bool found = false;
  each_setting(card, [&](const std::string& path, const auto&, const auto&) { found = found || path == name; });
  return found;
}

/// Sets the field "balance.alpha" to "0.02". Throws config_error for a name that the card does not have, with the
/// nearest one, and for a value that the field may not have.
template <class Card>
void change_setting(Card& card, std::string_view name, std::string_view value) {
  std::vector<std::string> names;
  bool found = false;
  each_setting(card, [&](const std::string& path, const auto& f, auto& v) {
    names.push_back(path);
    if (path != name) return;
    v = parse_field(f, path, value);
    found = true;
  });
  if (found) return;
  std::string all;
  for (const std::string& n : names) all += (all.empty() ? "" : ", ") + n;
  const std::vector<std::string_view> views(names.begin(), names.end());
  throw config_error(concat("there is no number '", name, "' in the card ", text_of<Card>.name,
                            names.empty() ? std::string("; it has none")
                                          : concat("; did you mean '", nearest_name(name, views), "'? It has ", all)));
}

/// Throws config_error for the first field with a value that it may not have.
template <class Card>
void check_settings(const Card& card) {
  each_setting(card, [](const std::string& path, const auto& f, const auto& v) { check_field(f, path, v); });
}

}  // namespace gmoe
