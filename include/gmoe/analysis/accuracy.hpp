#pragma once
/// A share of right answers, and the interval in which the true one lies.

#include <cmath>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// A normal variable is within -+ this with probability 0.95.
inline constexpr double normal_quantile_95 = 1.959963984540054;

struct interval {
  double low = 0, high = 0;

  bool holds(double value) const { return low <= value && value <= high; }
};

/// Wilson's score interval (Wilson 1927): all shares p that a two-sided test at 5 % would not reject,
/// |share - p| <= z sqrt(p (1 - p) / n).
///     low, high = (share + z^2 / 2n -+ z sqrt(share (1 - share) / n + z^2 / 4n^2)) / (1 + z^2 / n)
/// Unlike share -+ z deviation it stays within 0 to 1, and says something of shares of 0 and 1. For the mean of several
/// models' shares of the same questions it is an interval over the questions too, wider than it need be: what models
/// find between never and always varies less than what they find always or never.
/// Throws data_error without questions, or for a share outside 0 to 1.
inline interval wilson_interval(double share, index_t questions) {
  require<data_error>(questions >= 1, "accuracy of ", questions, " questions, expected at least 1");
  require<data_error>(share >= 0 && share <= 1, "accuracy is ", share, ", expected 0 to 1");
  constexpr double z = normal_quantile_95;
  const auto n = static_cast<double>(questions);
  const double centre = share + z * z / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)), whole = 1 + z * z / n;
  // Exact at the ends, where centre and half are equal.
  return {share <= 0 ? 0 : (centre - half) / whole, share >= 1 ? 1 : (centre + half) / whole};
}

/// `right` of `questions`, with Wilson's interval.
struct accuracy {
  double share = 0, low = 0, high = 1;
  index_t right = 0, questions = 0;
};

/// Throws data_error without questions, or for more right answers than questions.
inline accuracy measure_accuracy(index_t right, index_t questions) {
  require<data_error>(questions >= 1, "accuracy of ", questions, " questions, expected at least 1");
  require<data_error>(right >= 0 && right <= questions, "accuracy: ", right, " of ", questions, " are right");
  const double share = static_cast<double>(right) / static_cast<double>(questions);
  const interval in = wilson_interval(share, questions);
  return {share, in.low, in.high, right, questions};
}

}  // namespace gmoe
