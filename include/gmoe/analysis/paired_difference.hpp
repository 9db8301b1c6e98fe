#pragma once
/// What runs with several seeds say about a model, and about two models that share their seeds.

#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "gmoe/analysis/student_t.hpp"

namespace gmoe {

/// Mean and sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)); a single value has none.
struct spread {
  index_t count = 0;
  double mean = 0;
  std::optional<double> deviation;
};

/// Throws data_error if there is no value.
inline spread measure_spread(std::span<const double> values) {
  require<data_error>(!values.empty(), "measure_spread: there are no values");
  spread s;
  s.count = std::ssize(values);
  const auto n = static_cast<double>(s.count);
  for (const double v : values) s.mean += v / n;
  if (s.count < 2) return s;
  double squares = 0;
  for (const double v : values) squares += (v - s.mean) * (v - s.mean);
  s.deviation = std::sqrt(squares / (n - 1));
  return s;
}

/// A difference and the interval in which it lies: mean -+ t deviation / sqrt(n), of the differences d_s = b_s - a_s.
struct paired_difference : spread {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();

  /// The interval holds 0: nobody can say which of the two is larger. So it is with a single pair.
  bool within_noise() const { return low <= 0 && 0 <= high; }
};

/// b - a, where a_s and b_s come from runs with the same seed: the same order of the data and the same initial values
/// of what both have. What the seed does to both drops out of the difference. `level` is the probability with which
/// such an interval holds the true difference, if differences are normally distributed.
/// Throws data_error unless there are equally many of both.
inline paired_difference compare_pairs(std::span<const double> a, std::span<const double> b, double level = 0.95) {
  require<data_error>(a.size() == b.size(), "compare_pairs: ", a.size(), " values and ", b.size(),
                      ", expected as many of both");
  std::vector<double> differences(a.size());
  for (std::size_t s = 0; s < a.size(); ++s) differences[s] = b[s] - a[s];
  paired_difference d;
  static_cast<spread&>(d) = measure_spread(differences);
  if (!d.deviation) return d;
  const double half = student_quantile(level, d.count - 1) * *d.deviation / std::sqrt(static_cast<double>(d.count));
  d.low = d.mean - half;
  d.high = d.mean + half;
  return d;
}

}  // namespace gmoe
