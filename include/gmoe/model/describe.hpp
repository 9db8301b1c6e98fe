#pragma once
/// A card as text: every question of a mixture of experts and the card's answer.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "gmoe/core/function_ref.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/registry.hpp"

namespace gmoe {

namespace detail {

/// "jittered<linear_router>" in what a compiler calls a function: "... [with T = gmoe::...; ...]" (GCC) or
/// "... [T = gmoe::...]" (Clang).
inline std::string type_within(std::string_view function) {
  const std::size_t begin = function.find("T = ") + 4;
  std::string name(function.substr(begin, function.find_first_of(";]", begin) - begin));
  for (const std::string_view noise : {"gmoe::", "(anonymous namespace)::", "{anonymous}::"})
    for (std::size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, noise.size());
  for (std::size_t at; (at = name.find("> >")) != std::string::npos;) name.erase(at + 1, 1);
  return name;
}

}  // namespace detail

/// A type as it is written in a program, without the library's namespace: "jittered<linear_router>".
template <class T>
std::string type_name() {
  return detail::type_within(__PRETTY_FUNCTION__);
}

/// What describe() says of every slot.
enum class detail_level { with_questions, brief };

namespace detail {

inline void add_to_list(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

/// Adds "k = 2", "factor = 1.25": the numbers of a policy and of what it wraps; cards that it holds have lines of their
/// own.
template <class P>
void add_numbers(std::string& list, const P& policy, const std::string& path = "") {
  each_field(policy, [&]<class T>(const auto& f, const T& value) {
    if constexpr (gmoe::policy<T>)
      add_numbers(list, value, path + std::string(f.name) + ".");
    else if constexpr (!is_card<T>)
      add_to_list(list, path + std::string(f.name) + " = " + to_text(value));
  });
  if constexpr (wraps<P>) add_numbers(list, policy.of, path + "of.");
}

/// The policy, or what it wraps, has a number of that name.
template <class P>
constexpr bool has_number(std::string_view name) {
  bool found = std::apply([&](const auto&... f) { return ((f.name == name) || ...); }, fields_of<P>());
  if constexpr (wraps<P>) found = found || has_number<std::remove_cvref_t<decltype(std::declval<P&>().of)>>(name);
  return found;
}

/// Which functions a policy has of those that the library asks for, in the order of hooks::all.
template <class P>
inline constexpr auto has_functions = []<class... Hook>(std::type_identity<std::tuple<Hook...>>) {
  // A body's `weights` is a type, and a router's `width` a number.
  return std::array{(has_hook_within<Hook, P> && !has_number<P>(Hook::name) &&
                     !(std::is_same_v<Hook, hooks::weights> && std::is_same_v<typename P::slot, slots::body>))...};
}(std::type_identity<hooks::all>{});
inline constexpr auto function_names = []<class... Hook>(std::type_identity<std::tuple<Hook...>>) {
  return std::array<std::string_view, sizeof...(Hook)>{Hook::name...};
}(std::type_identity<hooks::all>{});

/// What a line says of a policy.
struct policy_text {
  std::string type, numbers;
  std::array<bool, function_names.size()> functions;
};
template <class P>
policy_text text_of_policy(const void* policy) {
  policy_text text{type_name<P>(), "", has_functions<P>};
  add_numbers(text.numbers, *static_cast<const P*>(policy));
  return text;
}

/// What there is to say of a slot.
struct slot_text {
  std::string_view slot, question;
  bool is_named;  ///< by the card; else the answer is the usual one
  policy_text (*text)(const void*);
  const void* policy;
};
/// The answer to a slot, which lies in the card where it names the slot.
template <class Slot, class Card>
[[gnu::always_inline]] inline const void* address_of_answer(const Card& card) {
  if constexpr (names_slot<const Card, Slot>) {
    return &Slot::of(card);
  } else {
    static constexpr answer<Card, Slot> usual{};
    return &usual;
  }
}

/// The line of a slot.
inline std::string slot_line(const std::string& indent, const slot_text& of, detail_level level) {
  std::string line = indent + std::string(of.slot);
  line.resize(std::max(line.size(), indent.size() + 11), ' ');
  if (level == detail_level::with_questions) {
    line += of.question;
    line.resize(std::max(line.size(), indent.size() + 65), ' ');
  }
  const policy_text policy = of.text(of.policy);
  std::string functions;
  for (std::size_t i = 0; i < function_names.size(); ++i)
    if (policy.functions[i]) add_to_list(functions, function_names[i]);
  return line + policy.type + (policy.numbers.empty() ? "" : " {" + policy.numbers + "}") +
         (functions.empty() ? "" : ": " + functions) + "\n";
}
inline void add_lines(std::string& text, std::span<const slot_text> slots, std::span<const bool> used,
                      detail_level level, const std::string& indent,
                      function_ref<void(std::string_view slot)> add_below) {
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (used[i] && (level == detail_level::with_questions || slots[i].is_named)) {
      text += slot_line(indent, slots[i], level);
      add_below(slots[i].slot);
    }
}

/// Adds the lines of the slots that make a difference, to a model or to a mixture in a form; those of cards within the
/// form below it, further in.
template <bool InAForm, class Card>
void add_slots(std::string& text, const Card& card, detail_level level, const std::string& indent) {
  const auto all = [&]<class... Slot>(std::type_identity<std::tuple<Slot...>>) {
    return std::array{slot_text{Slot::name, Slot::question, names_slot<const Card, Slot>,
                                &text_of_policy<answer<Card, Slot>>, address_of_answer<Slot>(card)}...};
  }(std::type_identity<slots::all>{});
  static constexpr auto used = []<class... Slot>(std::type_identity<std::tuple<Slot...>>) {
    return std::array{(InAForm ? mixture_uses_slot<Card, Slot> : uses_slot<Card, Slot>)...};
  }(std::type_identity<slots::all>{});
  const auto add_inner = [&](std::string_view slot) {
    if constexpr (holds_cards<answer<Card, slots::form>>)
      if (slot == slots::form::name)
        each_inner_card(answer_of<slots::form>(card), [&]<class Inner>(const std::string& name, const Inner& inner) {
          text += indent + "  " + name + "\n";
          add_slots<true>(text, inner, level, indent + "    ");
        });
  };
  add_lines(text, all, used, level, indent, add_inner);
}

}  // namespace detail

/// "Hong & Kim, ACL 2026"; of a card written from a description, "reconstructed from" it; nothing without a paper.
inline std::string citation(const card_text& card) {
  return concat(card.source == written_from::description ? "reconstructed from a description: " : "", card.paper);
}

/// From what a card was written, in few words.
constexpr std::string_view status(const card_text& card) {
  if (card.source == written_from::description) return "reconstructed";
  if (card.source == written_from::code) return "checked against code";
  return card.paper.empty() ? "no paper" : "from the paper";
}

namespace detail {

/// "gmoe: one pool for all layers ... (Hong & Kim, ACL 2026)"; nothing for a card without a name.
inline std::string heading(const card_text& card) {
  if (card.name.empty()) return "";
  return concat(card.name, ": ", card.summary, card.paper.empty() ? "" : concat(" (", citation(card), ")"), "\n");
}

}  // namespace detail

/// A heading if the card has a name, then for each slot that makes a difference: slot, question, the policy that
/// answers it with its numbers, and which of the functions that the library asks for it has. If brief, no questions,
/// and only slots that the card names.
template <class Card>
std::string describe(const Card& card = {}, detail_level level = detail_level::with_questions) {
  static_assert(check_slots<Card>());
  std::string text = detail::heading(text_of<Card>);
  detail::add_slots<false>(text, card, level, "  ");
  return text;
}

/// A slot that makes a difference to models of a card, and the type that answers it: "router", "linear_router". The
/// placement is always one: it says that there is no mixture.
struct slot_answer {
  std::string_view slot;
  std::string policy;
};

namespace detail {

struct slot_type {
  std::string_view slot;
  bool makes_a_difference;
  std::string (*policy)();
};
inline std::vector<slot_answer> answers_in(std::span<const slot_type> types) {
  std::vector<slot_answer> all;
  for (const slot_type& s : types)
    if (s.makes_a_difference || s.slot == slots::placement::name) all.push_back({s.slot, s.policy()});
  return all;
}

}  // namespace detail

/// Who answers what, in the order of the slots.
template <class Card>
std::vector<slot_answer> answers_of() {
  static constexpr auto types = []<class... Slot>(std::type_identity<std::tuple<Slot...>>) {
    return std::array{detail::slot_type{Slot::name, uses_slot<Card, Slot>, &type_name<answer<Card, Slot>>}...};
  }(std::type_identity<slots::all>{});
  return detail::answers_in(types);
}

/// 165890304 as "165.9 M".
inline std::string short_count(index_t count) {
  const char* const unit[] = {"", " k", " M", " G", " T"};
  double value = static_cast<double>(count);
  int step = 0;
  for (; value >= 999.95 && step < 4; ++step) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, step == 0 ? "%.0f%s" : "%.1f%s", value, unit[step]);
  return text;
}

/// What a model costs, in two lines.
inline std::string describe(const model_cost& cost) {
  return concat("  ", short_count(cost.total), " parameters, ", short_count(cost.experts),
                " of them in routed experts and ", short_count(cost.router), " in routers\n  ",
                short_count(cost.active), " active and ", short_count(cost.multiply_adds),
                " multiply-adds per token\n");
}

/// A card, and what a model of these sizes costs.
template <class Card>
std::string describe(const sizes& s, const Card& card = {}) {
  return describe<Card>(card) + describe(cost_of<Card>(s, card));
}

}  // namespace gmoe
