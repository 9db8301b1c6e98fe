#pragma once
/// A card as text: every question of a mixture of experts and the card's answer.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "gmoe/model/accounting.hpp"
#include "gmoe/model/registry.hpp"

namespace gmoe {

/// A type as it is written in a program, without the library's namespace: "top_k<2>".
template <class T>
std::string type_name() {
  // GCC and Clang: "... [with T = gmoe::top_k<2>; ...]" or "... [T = gmoe::top_k<2>]"
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("T = ") + 4;
  std::string name(text.substr(begin, text.find_first_of(";]", begin) - begin));
  for (const std::string_view noise : {"gmoe::", "(anonymous namespace)::", "{anonymous}::"})
    for (std::size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, noise.size());
  for (std::size_t at; (at = name.find("> >")) != std::string::npos;) name.erase(at + 1, 1);
  return name;
}

/// A heading if the card has a name, then one line for each slot: slot, question, the policy that answers it.
template <class Card>
std::string describe() {
  static_assert(check_card<Card>());
  struct line {
    const char *slot, *question;
    std::string answer;
  };
  const line lines[] = {
      {"experts", "who are the routed experts, which layers share them?", type_name<typename Card::experts>()},
      {"body", "what does one expert compute?", type_name<typename Card::body>()},
      {"always", "what does every token get besides?", type_name<typename Card::always>()},
      {"router", "how are tokens scored against experts?", type_name<typename Card::router>()},
      {"score", "how do router logits become scores?", type_name<typename Card::score>()},
      {"select", "which scores become assignments?", type_name<typename Card::select>()},
      {"capacity", "what if an expert is asked by too many?", type_name<typename Card::capacity>()},
      {"gate", "with which weight?", type_name<typename Card::gate>()},
      {"balance", "what keeps the load even?", type_name<typename Card::balance>()},
      {"placement", "in which blocks?", type_name<typename Card::placement>()},
      {"dense", "what do the other blocks compute?", type_name<typename Card::dense>()},
  };
  std::string text;
  if constexpr (!text_of<Card>.name.empty()) {
    text += std::string(text_of<Card>.name) + ": " + std::string(text_of<Card>.summary);
    if (!text_of<Card>.paper.empty()) text += " (" + std::string(text_of<Card>.paper) + ")";
    text += "\n";
  }
  for (const line& l : lines) {
    // In a model without a mixture the other answers are never asked for.
    if (std::is_same_v<typename Card::placement, no_block> && l.slot != std::string_view("dense")) continue;
    char start[80];
    std::snprintf(start, sizeof start, "  %-10s%-54s", l.slot, l.question);
    text += start + l.answer + "\n";
  }
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

/// The same, and what a model of these sizes costs.
template <class Card>
std::string describe(const sizes& s) {
  const model_cost cost = cost_of<Card>(s);
  return describe<Card>() + concat("  ", short_count(cost.total), " parameters, ", short_count(cost.experts),
                                   " of them in routed experts and ", short_count(cost.router), " in routers\n  ",
                                   short_count(cost.active), " active and ", short_count(cost.multiply_adds),
                                   " multiply-adds per token\n");
}

}  // namespace gmoe
