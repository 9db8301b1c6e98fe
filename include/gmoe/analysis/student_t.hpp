#pragma once
/// Student's t distribution for whole degrees of freedom, where it is a finite sum (Abramowitz & Stegun, 26.7.3 and
/// 26.7.4).

#include <cmath>
#include <numbers>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// P(|T| <= t) with n degrees of freedom. With tan h = t / sqrt(n):
///     n even:   sin h (1 + 1/2 cos^2 h + 1/2 3/4 cos^4 h + ...)                    up to cos^(n-2) h
///     n odd:    2/pi (h + sin h (cos h + 2/3 cos^3 h + 2/3 4/5 cos^5 h + ...))     up to cos^(n-2) h
inline double student_within(double t, index_t n) {
  require(n >= 1, "student_within: ", n, " degrees of freedom, expected at least 1");
  require(t >= 0, "student_within: t is ", t, ", expected at least 0");
  const double h = std::atan(t / std::sqrt(static_cast<double>(n))), cosine = std::cos(h);
  const bool odd = n % 2 == 1;
  double term = odd ? cosine : 1, sum = 0;
  for (index_t power = odd ? 1 : 0; power <= n - 2; power += 2) {
    sum += term;
    term *= cosine * cosine * static_cast<double>(power + 1) / static_cast<double>(power + 2);
  }
  return odd ? 2 / std::numbers::pi * (h + std::sin(h) * sum) : std::sin(h) * sum;
}

/// The t with P(|T| <= t) = level, for a level between 0 and 1: 4.303 for 0.95 and two degrees of freedom.
inline double student_quantile(double level, index_t n) {
  require(level > 0 && level < 1, "student_quantile: the level is ", level, ", expected between 0 and 1");
  const auto at = [n](double h) { return std::sqrt(static_cast<double>(n)) * std::tan(h); };
  double low = 0, high = std::numbers::pi / 2;  // of the angle, which halving finds to the last bit
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (student_within(at(middle), n) < level ? low : high) = middle;
  }
  return at(low);
}

}  // namespace gmoe
