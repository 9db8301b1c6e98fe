#pragma once
/// Numbers, switches, named choices and lists as text, and back: for options, checkpoints and tables.

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// An enumeration with names: `names_of(E)`, found beside E, lists those of its values 0, 1, 2, ...
template <class E>
concept named_choice = std::is_enum_v<E> && requires(E e) {
  names_of(e).size();
};

inline std::string to_text(double v) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v);
  return {buffer, end.ptr};
}
inline std::string to_text(std::int64_t v) { return std::to_string(v); }
inline std::string to_text(std::uint64_t v) { return std::to_string(v); }
inline std::string to_text(bool v) { return v ? "true" : "false"; }
inline std::string to_text(const std::string& v) { return v; }
template <named_choice E>
std::string to_text(E v) {
  return std::string(names_of(v)[static_cast<std::size_t>(v)]);
}
/// "1 3 5"
inline std::string to_text(const std::vector<index_t>& v) {
  std::string text;
  for (const index_t x : v) text += (text.empty() ? "" : " ") + std::to_string(x);
  return text;
}

/// Reads all of `text` into v; false, and v as it was, if that is not what it says.
template <class Number>
requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>) inline bool from_text(std::string_view text,
                                                                                              Number& v) {
  Number read = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), read);
  if (r.ec != std::errc{} || r.ptr != text.data() + text.size()) return false;
  v = read;
  return true;
}
inline bool from_text(std::string_view text, bool& v) {
  if (text != "true" && text != "false" && text != "1" && text != "0") return false;
  v = text == "true" || text == "1";
  return true;
}
template <named_choice E>
bool from_text(std::string_view text, E& v) {
  const auto names = names_of(v);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) {
      v = static_cast<E>(i);
      return true;
    }
  return false;
}
/// Numbers with spaces or commas between them; nothing is an empty list.
inline bool from_text(std::string_view text, std::vector<index_t>& v) {
  std::vector<index_t> read;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" ,");
    if (!from_text(text.substr(0, end), read.emplace_back())) return false;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  v = std::move(read);
  return true;
}

/// What from_text takes for a T, in words.
template <class T>
std::string kind_of_text() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (named_choice<T>) {
    std::string all;
    for (const std::string_view name : names_of(T{})) all += (all.empty() ? "" : ", ") + std::string(name);
    return "one of " + all;
  } else if constexpr (std::is_integral_v<T>)
    return "a whole number";
  else if constexpr (std::is_floating_point_v<T>)
    return "a number";
  else
    return "a list of whole numbers";
}

}  // namespace gmoe
