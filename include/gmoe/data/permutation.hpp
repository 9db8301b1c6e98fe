#pragma once
/// A random permutation that is computed, not stored.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "gmoe/core/error.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// A keyed permutation of {0, ..., size-1}: no memory, and any element on request, so that a shuffled run can start
/// at any step. A Feistel network permutes the smallest enclosing domain of 4^h numbers; numbers that land outside
/// {0, ..., size-1} are permuted again until they land inside ("cycle walking": Black and Rogaway, "Ciphers with
/// arbitrary finite domains", CT-RSA 2002), which takes fewer than four passes on average.
class random_permutation {
 public:
  /// Throws config_error unless 1 <= size <= 2^62.
  random_permutation(random_stream stream, std::uint64_t size) : stream_(stream), size_(size) {
    require(size >= 1 && size <= std::uint64_t{1} << 62, "random_permutation: size is ", size,
            ", expected between 1 and 2^62");
    half_bits_ = std::max(1, (static_cast<int>(std::bit_width(size - 1)) + 1) / 2);
  }

  std::uint64_t size() const { return size_; }

  /// The image of `i`. Throws config_error if i >= size.
  std::uint64_t operator()(std::uint64_t i) const {
    require(i < size_, "random_permutation: index ", i, " is outside a permutation of ", size_, " numbers");
    do i = pass(i);
    while (i >= size_);
    return i;
  }

 private:
  static constexpr std::uint64_t rounds = 8;

  std::uint64_t pass(std::uint64_t x) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = x >> half_bits_, right = x & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::uint64_t next = left ^ (stream_.words(round << 32 | right).word[0] & mask);
      left = right;
      right = next;
    }
    return left << half_bits_ | right;
  }

  random_stream stream_;
  std::uint64_t size_;
  int half_bits_;
};

}  // namespace gmoe
