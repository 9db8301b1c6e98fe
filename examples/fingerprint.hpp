#pragma once
/// A short name for a lot of bytes: equal bytes have equal fingerprints.

#include <cstddef>
#include <cstdint>
#include <ios>
#include <span>
#include <string>

#include "gmoe/core/error.hpp"

namespace examples {

/// 64-bit FNV-1a. Not for secrets: it tells texts and settings apart, nobody tries to forge them.
class fingerprint {
 public:
  fingerprint& add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) hash_ = (hash_ ^ static_cast<std::uint64_t>(b)) * 0x100000001B3ull;
    return *this;
  }
  template <class T>
  fingerprint& add(std::span<const T> values) {
    return add(std::as_bytes(values));
  }
  std::uint64_t value() const { return hash_; }
  /// Sixteen hexadecimal digits.
  std::string text() const {
    std::string digits(16, '0');
    for (std::size_t i = 0; i < 16; ++i) digits[15 - i] = "0123456789abcdef"[hash_ >> (4 * i) & 15];
    return digits;
  }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325ull;
};

/// What a text is called in checkpoints and results.
inline std::string text_fingerprint(std::span<const std::uint8_t> bytes) {
  return gmoe::concat(bytes.size(), " bytes, ", fingerprint().add(bytes).text());
}

}  // namespace examples
