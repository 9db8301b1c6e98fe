#pragma once
/// Changes of an input that are the same in every run: for the test command, which has no fuzzer.

#include <algorithm>
#include <cstdint>
#include <string>

#include "gmoe/core/random.hpp"
#include "harness.hpp"

namespace gmoe_fuzz {

/// A few changes of `input`, as the stream draws them: bits, bytes, words, pieces moved, doubled and cut off.
inline std::string mutated(const harness& h, std::string input, const gmoe::random_stream& random) {
  std::uint64_t draws = 0;
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random.uniform(draws++) * static_cast<double>(n));
  };
  for (std::size_t i = 0, count = 1 + below(2); i < count; ++i) {
    const std::size_t size = input.size(), at = below(size + 1);
    const std::size_t some = std::min<std::size_t>(1 + below(8), size - at);
    switch (below(7)) {
      case 0:
        if (at < size) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < size) input[at] = static_cast<char>(below(256));
        break;
      case 2:
        input.insert(at, std::string(1, static_cast<char>(below(256))));
        break;
      case 3:
        input.erase(at, some);
        break;
      case 4:
        input.insert(at, input.substr(at, some));
        break;
      case 5:
        input.resize(at);
        break;
      default: {
        const std::string_view word = h.words[below(h.words.size())];
        if (below(2) == 0)
          input.insert(at, word);
        else
          input.replace(at, std::min(word.size(), size - at), word);
      }
    }
  }
  if (h.mend && below(4) != 0) h.mend(input);
  return input;
}

}  // namespace gmoe_fuzz
