#pragma once
/// Bytes of a model made safe to print.

#include <cstddef>
#include <string>
#include <string_view>

namespace gmoe {

namespace detail {

/// The length of the UTF-8 character that `text` starts with, and its code point; length 0 if there is none: stray,
/// missing or overlong bytes, surrogates, numbers above U+10FFFF. `text` must not be empty.
struct utf8_character {
  std::size_t length;
  char32_t code;
};
inline utf8_character first_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {0, 0};
  char32_t code = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const char32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {0, 0};
  return {length, code};
}

}  // namespace detail

/// `text` as a terminal can show it: valid UTF-8, line feeds and tabs stay; every byte that is not part of a valid
/// character, and every byte of a control character (U+0000 to U+001F, U+007F to U+009F), becomes `\xNN`. An untrained
/// model emits any byte, and some sequences would otherwise recolour or clear the screen. For reading only: a
/// backslash stays as it is, so the result cannot be turned back.
inline std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const auto [length, code] = detail::first_utf8(text);
    const bool control = code < 0x20 ? code != '\n' && code != '\t' : code >= 0x7F && code <= 0x9F;
    const std::size_t taken = length == 0 ? 1 : length;
    if (length > 0 && !control) {
      shown += text.substr(0, taken);
    } else {
      for (const char c : text.substr(0, taken)) {
        const auto byte = static_cast<unsigned char>(c);
        shown += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      }
    }
    text.remove_prefix(taken);
  }
  return shown;
}

}  // namespace gmoe
