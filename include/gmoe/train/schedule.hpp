#pragma once
/// Learning rate over the steps.

#include <cmath>
#include <cstdint>
#include <numbers>

namespace gmoe {

/// Linear warm-up from 0, then a half cosine down to `floor` times the peak.
struct cosine_schedule {
  double peak = 3e-4;
  std::int64_t warmup = 0;  ///< steps of warm-up
  std::int64_t total = 1;   ///< steps in all; beyond them the factor stays at its end
  double floor = 0.0;

  /// The rate of step 0, 1, 2, ...: peak * s / warmup at first, then peak * (floor + (1 - floor) (1 + cos) / 2).
  double operator()(std::int64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
    const double span = total > warmup ? static_cast<double>(total - warmup) : 1.0;
    const double done = std::fmin(1.0, static_cast<double>(step - warmup) / span);
    return peak * (floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
  }
};

}  // namespace gmoe
