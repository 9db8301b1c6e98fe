#pragma once
/// The loss to beat first: what a model reaches that knows only how often each byte occurs.

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

#include "gmoe/core/error.hpp"

namespace gmoe {

/// The entropy H = -sum_b p_b ln p_b of the byte frequencies p, in nats per byte: between 0 and ln 256 = 5.545.
/// A trained model whose loss stays at this value has learned the frequencies and nothing of the context.
/// Throws data_error if there are no bytes.
inline double unigram_entropy(std::span<const std::uint8_t> bytes) {
  require<data_error>(!bytes.empty(), "unigram_entropy: there are no bytes to count");
  std::array<std::uint64_t, 256> count{};
  for (const std::uint8_t b : bytes) ++count[b];
  double entropy = 0.0;
  for (const std::uint64_t c : count) {
    if (c == 0) continue;  // p ln p -> 0
    const double p = static_cast<double>(c) / static_cast<double>(bytes.size());
    entropy -= p * std::log(p);
  }
  return entropy;
}

/// A loss per byte, converted from nats to bits.
inline constexpr double bits_per_byte(double nats) { return nats / std::numbers::ln2; }

}  // namespace gmoe
