#pragma once
/// Files of tensors as text, for seeds, and what makes them whole after a change.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace gmoe_fuzz {

/// A header's length, the header, and what follows.
inline std::string tensor_file(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return (file += header) += data;
}
/// Changes move the end of the header: the length follows it. The data begins behind the last brace and the spaces that
/// fill up the header.
inline void mend_length(std::string& file) {
  if (file.size() < 9) return;
  const std::size_t close = file.rfind("}}");
  if (close == file.npos || close < 8) return;
  const std::uint64_t length = std::min(file.find_first_not_of(' ', close + 2), file.size()) - 8;
  std::memcpy(file.data(), &length, sizeof length);
}

}  // namespace gmoe_fuzz
