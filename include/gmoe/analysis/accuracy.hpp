#pragma once
/// A share of right answers, and the interval in which the true one lies.

#include <algorithm>
#include <cmath>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// `right` of `questions`, with Wilson's score interval (Wilson 1927): all shares p that a two-sided test at 5 % would
/// not reject, |share - p| <= z sqrt(p (1 - p) / n).
///     low, high = (share + z^2 / 2n -+ z sqrt(share (1 - share) / n + z^2 / 4n^2)) / (1 + z^2 / n)
/// Unlike share -+ z deviation it stays within 0 to 1, and says something of 0 or n right ones.
struct accuracy {
  double share = 0, low = 0, high = 1;
  index_t right = 0, questions = 0;
};

/// Throws data_error without questions, or for more right answers than questions.
inline accuracy measure_accuracy(index_t right, index_t questions) {
  require<data_error>(questions >= 1, "accuracy of ", questions, " questions, expected at least 1");
  require<data_error>(right >= 0 && right <= questions, "accuracy: ", right, " of ", questions, " are right");
  constexpr double z = 1.959963984540054;  // a normal variable is within -+ z with probability 0.95
  const auto n = static_cast<double>(questions);
  const double share = static_cast<double>(right) / n, centre = share + z * z / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)), whole = 1 + z * z / n;
  // Exact at the ends, where centre and half are equal.
  return {share, right == 0 ? 0 : (centre - half) / whole, right == questions ? 1 : (centre + half) / whole, right,
          questions};
}

}  // namespace gmoe
