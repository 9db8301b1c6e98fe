#pragma once
/// A small model's sizes, a short run, and a text that is easy to learn.

#include <cstdint>
#include <span>
#include <vector>

#include "gmoe/core/random.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe_test {

inline const gmoe::sizes tiny{
    .vocab = 32, .positions = 16, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 24, .experts = 3, .dropout = 0.1};
inline const gmoe::recipe short_run{.steps = 8, .batch = 4, .sequence = 12, .accumulation = 2, .seed = 7};

/// Letters that mostly follow a cycle: easy to learn, with a high unigram entropy.
inline std::vector<std::uint8_t> cyclic_text(std::size_t count) {
  std::vector<std::uint8_t> text(count);
  const gmoe::random_stream random(3);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    at = random.uniform(i) < 0.05 ? random.below(i, 20) : (at + 3) % 20;
    text[i] = static_cast<std::uint8_t>(at);
  }
  return text;
}
inline const std::vector<std::uint8_t> text = cyclic_text(4000);
inline const std::span<const std::uint8_t> tokens(text);

}  // namespace gmoe_test
