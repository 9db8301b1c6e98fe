#pragma once
/// Every number of a card by name: "balance.alpha", "select.k", "router.of.temperature".

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/placement/placement.hpp"

namespace gmoe {

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

/// What a number of a card may be; a named choice is its name.
using setting_value = std::variant<double, index_t, bool, std::string, std::vector<index_t>>;

/// One number of a card, by its path. The value lies in the card.
class setting {
 public:
  template <class P, class T>
  setting(std::string path, const field<P, T>& f, T& value)
      : path_(std::move(path)), help_(f.help), range_(f.range), value_(&value), kind_(&kind_of<T>) {}

  /// "balance.alpha"
  const std::string& path() const { return path_; }
  std::string_view help() const { return help_; }
  setting_value value() const { return kind_->value(value_); }
  std::string text() const { return kind_->text(value_); }
  /// What it takes, in words: "a whole number, at least 1".
  std::string takes() const { return kind_->takes(range_); }
  /// Throws config_error for a text that says no value, or one that is out of range.
  void read(std::string_view text) const { kind_->read(*this, text); }
  /// Throws config_error if the value is out of range.
  void check() const { kind_->check(*this); }
  bool is_whole_number() const { return kind_->is_whole_number; }

 private:
  // What depends on the type, once for all cards.
  struct kind {
    setting_value (*value)(const void*);
    std::string (*text)(const void*);
    std::string (*takes)(const limits&);
    void (*read)(const setting&, std::string_view);
    void (*check)(const setting&);
    bool is_whole_number;
  };

  std::string path_;
  std::string_view help_;
  limits range_;
  void* value_;
  const kind* kind_;

  template <class T>
  static setting_value plain_value(const void* v) {
    if constexpr (std::is_enum_v<T>)
      return to_text(*static_cast<const T*>(v));
    else
      return *static_cast<const T*>(v);
  }
  template <class T>
  static std::string text_of_value(const void* v) {
    return to_text(*static_cast<const T*>(v));
  }
  template <class T>
  static std::string what_it_takes(const limits& range) {
    const std::string kind = kind_of_text<T>(), text = range.text();
    if (std::is_enum_v<T> || std::is_same_v<T, bool> || text == limits{}.text()) return kind;
    if (text.starts_with("a ")) return std::is_floating_point_v<T> ? text : kind + " above 0";  // a positive number
    return kind + (text.ends_with("]") || text.ends_with(")") ? " in " : ", ") + text;
  }
  template <class T>
  static void read_value(const setting& s, std::string_view text) {
    *static_cast<T*>(s.value_) = parse_value<T>(s.path_, s.range_, text);
  }
  template <class T>
  static void check_its_value(const setting& s) {
    check_value(s.path_, s.range_, *static_cast<const T*>(s.value_));
  }
  template <class T>
  static constexpr kind kind_of{&plain_value<T>, &text_of_value<T>,   &what_it_takes<T>,
                                &read_value<T>,  &check_its_value<T>, std::is_same_v<T, index_t>};
};

template <class Card>
void add_card_settings(Card& card, std::string_view path, std::vector<setting>& to);

/// Adds the fields of a policy and of what it wraps. A field that is a policy stands for all of its numbers,
/// "balance.z.beta", one that is a card for those of its mixtures: "form.first.balance.alpha".
template <class P>
void add_settings(P& policy, std::string_view path, std::vector<setting>& to) {
  static_assert(detail::lists_all_fields<P>(),
                "gmoe: a policy is a plain struct that lists each of its members in `fields`, but this one (P) has a "
                "member more or less");
  each_field(policy, [&]<class T>(const auto& f, T& value) {
    std::string name = concat(path, ".", f.name);
    if constexpr (is_card<T>)
      add_card_settings(value, concat(name, "."), to);
    else if constexpr (gmoe::policy<T>)
      add_settings(value, name, to);
    else
      to.push_back(setting(std::move(name), f, value));
  });
  if constexpr (wraps<P>) add_settings(policy.of, concat(path, ".of"), to);
}

/// The slot makes a difference to models of the card: its form uses it; in a model without a mixture only what all
/// blocks have does.
template <class Card, class Slot>
inline constexpr bool uses_slot = form_uses<Card, Slot> &&
                                  (!std::is_same_v<answer<Card, slots::placement>, no_block> ||
                                   std::is_same_v<Slot, slots::dense> || slots::is_of_backbone<Slot>);

/// The slot makes a difference to a mixture of the card that a form holds: it is asked neither where it stands nor what
/// other layers do.
template <class Card, class Slot>
inline constexpr bool mixture_uses_slot = form_uses<Card, Slot> && (detail::is_in<Slot, slots::parts_of_a_layer> ||
                                                                    std::is_same_v<Slot, slots::form>);

/// Adds the numbers of a card that a form holds.
template <class Card>
void add_card_settings(Card& card, std::string_view path, std::vector<setting>& to) {
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (names_slot<Card, Slot> && mixture_uses_slot<Card, Slot>)
      if constexpr (!std::is_empty_v<answer<Card, Slot>>) add_settings(Slot::of(card), concat(path, Slot::name), to);
  });
}

/// Every number that makes a difference to models of the card.
template <class Card>
std::vector<setting> settings_of(Card& card) {
  std::vector<setting> all;
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (names_slot<Card, Slot> && uses_slot<Card, Slot>)
      if constexpr (!std::is_empty_v<answer<Card, Slot>>) add_settings(Slot::of(card), Slot::name, all);
  });
  return all;
}

/// Whether the card has a number of that path.
template <class Card>
bool has_setting(std::string_view path) {
  Card card{};
  for (const setting& s : settings_of(card))
    if (s.path() == path) return true;
  return false;
}

namespace detail {

inline void change_setting(const std::vector<setting>& all, std::string_view card, std::string_view path,
                           std::string_view value) {
  std::string known;
  std::vector<std::string_view> paths;
  for (const setting& s : all) {
    if (s.path() == path) return s.read(value);
    known += (known.empty() ? "" : ", ") + s.path();
    paths.push_back(s.path());
  }
  throw config_error(concat("there is no number '", path, "' in the card ", card,
                            all.empty() ? std::string("; it has none")
                                        : concat("; did you mean '", nearest_name(path, paths), "'? It has ", known)));
}

}  // namespace detail

/// Sets "balance.alpha" to "0.02". Throws config_error for a path that the card does not have, with the nearest one,
/// and for a value that the number may not have.
template <class Card>
void change_setting(Card& card, std::string_view path, std::string_view value) {
  detail::change_setting(settings_of(card), text_of<Card>.name, path, value);
}

/// Throws config_error for the first number with a value that it may not have.
template <class Card>
void check_settings(const Card& card) {
  Card copy = card;
  for (const setting& s : settings_of(copy)) s.check();
}

/// Visits every number of a card that is not to be changed: visit(const setting&).
template <class Card>
void each_setting(const Card& card, auto&& visit) {
  Card copy = card;
  for (const setting& s : settings_of(copy)) visit(s);
}

}  // namespace gmoe
