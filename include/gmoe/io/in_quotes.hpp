#pragma once
/// Text from a file, made safe to print in an error message.

#include <cstddef>
#include <string>
#include <string_view>

#include "gmoe/data/printable.hpp"

namespace gmoe {

namespace detail {

/// Whether a terminal would do something with a character, or show text in another order than it stands there.
constexpr bool acts_on_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

}  // namespace detail

/// `text` between single quotes: bytes of control characters, of marks that turn the direction of writing, and those
/// that are no valid UTF-8 as \xNN; what does not fit into `limit` bytes is left out.
inline std::string in_quotes(std::string_view text, std::size_t limit = 120) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "'";
  for (std::size_t left = limit; !text.empty();) {
    const auto [length, code] = detail::first_utf8(text);
    const std::size_t taken = length == 0 ? 1 : length;
    if (taken > left) return out += "...'";
    if (length > 0 && !detail::acts_on_terminal(code)) {
      out += text.substr(0, taken);
    } else {
      for (const char c : text.substr(0, taken)) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      }
    }
    text.remove_prefix(taken);
    left -= taken;
  }
  return out += "'";
}

}  // namespace gmoe
