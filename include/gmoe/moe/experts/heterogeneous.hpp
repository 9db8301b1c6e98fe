#pragma once
/// Experts of different widths (HMoE, Wang et al. 2024).

#include <cmath>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// Width number `place` of `count` in arithmetic progression, the last one `ratio` times the first, `mean` on average:
///
///     m_i = 2 mean / (1 + ratio) (1 + (ratio - 1) i / (count - 1))
///
/// to the nearest whole number in the lower half; the upper half mirrors it, m_i + m_(count - 1 - i) = 2 mean, so that
/// the sum is exactly count mean. Throws config_error where the first one would have no hidden unit.
inline index_t width_in_progression(index_t mean, double ratio, index_t count, index_t place) {
  const index_t mirror = count - 1 - place;
  if (place == mirror) return mean;
  if (place > mirror) return 2 * mean - width_in_progression(mean, ratio, count, mirror);
  const double least = 2 * static_cast<double>(mean) / (1 + ratio);
  const auto width = static_cast<index_t>(
      std::llround(least * (1 + (ratio - 1) * static_cast<double>(place) / static_cast<double>(count - 1))));
  require(width >= 1, "experts.ratio = ", ratio,
          " leaves no hidden unit to the narrowest of experts with d_ff = ", mean, " on average");
  return width;
}

/// The pool `Pool` with experts of widths in arithmetic progression: the N experts of a layer grow with their number,
/// the last one is `ratio` times as wide as the first, on average they have d_ff hidden units. As many parameters as
/// experts of equal width; with ratio 1 they are that.
template <class Pool>
struct heterogeneous {
  using slot = slots::experts;
  Pool of{};
  double ratio = 2.5;
  static constexpr auto fields = std::tuple{
      field{"ratio", &heterogeneous::ratio, "width of the widest expert over that of the narrowest", at_least(1)}};
  static_assert(!has_hook_within<hooks::width, Pool>,
                "gmoe: heterogeneous<Pool> gives experts their widths, but the pool inside has widths of its own");

  index_t width(const sizes& s, index_t expert) const {
    return width_in_progression(s.d_ff, ratio, s.experts, expert % s.experts);
  }
};

}  // namespace gmoe
