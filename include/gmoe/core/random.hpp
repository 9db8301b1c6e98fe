#pragma once
/// Counter-based random numbers: a draw is a pure function of (stream, counter), on every backend.
///
/// Nothing is advanced and nothing is shared, so a run can be resumed at any step, a dropout mask can be
/// recomputed in the backward pass instead of kept, and the result never depends on the number of threads.

#include <cmath>
#include <cstdint>
#include <string_view>

#include "gmoe/core/host_device.hpp"

namespace gmoe {

/// Four random words.
struct random_words {
  std::uint32_t word[4];
};

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
GMOE_HD inline random_words philox(std::uint64_t key, std::uint64_t counter_high, std::uint64_t counter_low) {
  std::uint32_t c0 = static_cast<std::uint32_t>(counter_low), c1 = static_cast<std::uint32_t>(counter_low >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(counter_high), c3 = static_cast<std::uint32_t>(counter_high >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c0 = n0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = n2;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// A stream of random numbers addressed by counter. Cheap to copy; `fork` makes an independent one, `from` a later
/// part.
class random_stream {
 public:
  GMOE_HD constexpr explicit random_stream(std::uint64_t seed = 0) : key_(mix(seed)) {}

  /// An independent stream for `id` (a step, a layer, a site). Forks of different ids do not overlap. They begin where
  /// this one does.
  GMOE_HD constexpr random_stream fork(std::uint64_t id) const {
    random_stream child = *this;
    child.key_ = mix(key_ ^ mix(id + 0x9E3779B97F4A7C15ull));
    return child;
  }

  /// An independent stream for a name, such as a parameter's.
  constexpr random_stream fork(std::string_view name) const {
    std::uint64_t hash = 0xCBF29CE484222325ull;  // FNV-1a
    for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    return fork(hash);
  }

  /// The same stream from draw number `n` on: its draw i is draw n + i of this one. For those who compute a part of
  /// what draws from one stream, such as some of a step's samples.
  GMOE_HD constexpr random_stream from(std::uint64_t n) const {
    random_stream later = *this;
    later.first_ += n;
    return later;
  }
  /// The n of `from`.
  GMOE_HD constexpr std::uint64_t first() const { return first_; }

  /// What the draws are made of, wherever the stream begins.
  GMOE_HD random_words words(std::uint64_t counter) const { return philox(key_, 0, counter); }
  /// Word number `index` of the stream, four to a counter.
  GMOE_HD std::uint32_t word(std::uint64_t index) const {
    index += first_;
    return words(index >> 2).word[index & 3];
  }

  /// Uniform in [0, 1), 53 random bits.
  GMOE_HD double uniform(std::uint64_t counter) const {
    const random_words w = words(first_ + counter);
    return to_unit(w.word[0], w.word[1]);
  }

  /// Standard normal (Box-Muller on one counter's four words).
  GMOE_HD double normal(std::uint64_t counter) const {
    const random_words w = words(first_ + counter);
    const double u = 1.0 - to_unit(w.word[0], w.word[1]);  // in (0, 1]
    const double v = to_unit(w.word[2], w.word[3]);
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

  /// Uniform in {0, ..., bound-1}; the bias is below bound / 2^64.
  GMOE_HD std::uint64_t below(std::uint64_t counter, std::uint64_t bound) const {
    const random_words w = words(first_ + counter);
    const std::uint64_t x = (std::uint64_t{w.word[0]} << 32) | w.word[1];
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<wide>(x) * bound) >> 64);
  }

  GMOE_HD constexpr std::uint64_t key() const { return key_; }

 private:
  GMOE_HD static constexpr std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ull;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBull;
    return x ^ (x >> 31);
  }
  GMOE_HD static double to_unit(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = ((std::uint64_t{high} << 32) | low) >> 11;
    return static_cast<double>(bits) * 0x1.0p-53;
  }

  std::uint64_t key_ = 0, first_ = 0;
};

}  // namespace gmoe
