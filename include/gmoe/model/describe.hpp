#pragma once
/// A card as text: every question of a mixture of experts and the card's answer.

#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "gmoe/model/accounting.hpp"
#include "gmoe/model/registry.hpp"

namespace gmoe {

/// A type as it is written in a program, without the library's namespace: "jittered<linear_router>".
template <class T>
std::string type_name() {
  // GCC and Clang: "... [with T = gmoe::top_k; ...]" or "... [T = gmoe::top_k]"
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("T = ") + 4;
  std::string name(text.substr(begin, text.find_first_of(";]", begin) - begin));
  for (const std::string_view noise : {"gmoe::", "(anonymous namespace)::", "{anonymous}::"})
    for (std::size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, noise.size());
  for (std::size_t at; (at = name.find("> >")) != std::string::npos;) name.erase(at + 1, 1);
  return name;
}

namespace detail {

/// "k = 2, factor = 1.25": the numbers of a policy and of what it wraps; cards that it holds have lines of their own.
template <class P>
std::string fields_text(const P& policy, const std::string& path = "") {
  std::string text;
  each_field(policy, [&]<class T>(const auto& f, const T& value) {
    if constexpr (!is_card<T>) text += (text.empty() ? "" : ", ") + path + std::string(f.name) + " = " + to_text(value);
  });
  if constexpr (wraps<P>) {
    const std::string within = fields_text(policy.of, path + "of.");
    text += (text.empty() || within.empty() ? "" : ", ") + within;
  }
  return text;
}

/// The functions that a policy has of those that the library asks for.
template <class P>
std::string functions_text() {
  std::string text;
  const auto look = [&]<class Hook>(Hook) {
    // A body's `weights` is a type.
    if constexpr (!(std::is_same_v<Hook, hooks::weights> &&
                    std::is_same_v<typename P::slot, slots::body>)&&has_hook_within<Hook, P>)
      text += (text.empty() ? "" : ", ") + std::string(Hook::name);
  };
  const auto all = [&]<class... Hook>(std::type_identity<std::tuple<Hook...>>) { (look(Hook{}), ...); };
  all(std::type_identity<hooks::all>{});
  return text;
}

}  // namespace detail

/// What describe() says of every slot.
enum class detail_level { with_questions, brief };

namespace detail {

/// The lines of a slot, those of cards within its policy below them, further in.
template <class Slot, class Card>
std::string slot_text(const Card& card, detail_level level, const std::string& indent) {
  using policy = answer<Card, Slot>;
  if (level == detail_level::brief && !names_slot<const Card, Slot>) return "";
  char start[80];
  if (level == detail_level::brief)
    std::snprintf(start, sizeof start, "%-11s", Slot::name.data());
  else
    std::snprintf(start, sizeof start, "%-11s%-54s", Slot::name.data(), Slot::question.data());
  const auto& answered = answer_of<Slot>(card);
  const std::string numbers = fields_text(answered), functions = functions_text<policy>();
  std::string text = indent + start + type_name<policy>() + (numbers.empty() ? "" : " {" + numbers + "}") +
                     (functions.empty() ? "" : ": " + functions) + "\n";
  if constexpr (std::is_same_v<Slot, slots::form>)
    each_inner_card(answered, [&]<class Inner>(const std::string& name, const Inner& inner) {
      text += indent + "  " + name + "\n";
      for_each_slot([&]<class Part>(Part) {
        if constexpr (mixture_uses_slot<Inner, Part>) text += slot_text<Part>(inner, level, indent + "    ");
      });
    });
  return text;
}

}  // namespace detail

/// A heading if the card has a name, then for each slot that makes a difference: slot, question, the policy that
/// answers it with its numbers, and which of the functions that the library asks for it has. If brief, no questions,
/// and only slots that the card names.
template <class Card>
std::string describe(const Card& card = {}, detail_level level = detail_level::with_questions) {
  static_assert(check_slots<Card>());
  std::string text;
  if constexpr (!text_of<Card>.name.empty()) {
    text += std::string(text_of<Card>.name) + ": " + std::string(text_of<Card>.summary);
    if (!text_of<Card>.paper.empty()) text += " (" + std::string(text_of<Card>.paper) + ")";
    text += "\n";
  }
  for_each_slot([&]<class Slot>(Slot) {
    if constexpr (uses_slot<Card, Slot>) text += detail::slot_text<Slot>(card, level, "  ");
  });
  return text;
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
