#pragma once
/// Text from a file, made safe to print in an error message.

#include <cstddef>
#include <string>
#include <string_view>

namespace gmoe {

/// `text` between single quotes: control characters as \xNN, everything past `limit` bytes left out.
inline std::string in_quotes(std::string_view text, std::size_t limit = 120) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "'";
  for (char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out += text.size() > limit ? "...'" : "'";
}

}  // namespace gmoe
