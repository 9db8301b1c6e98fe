#pragma once
/// Entropy of a histogram, in nats, with 0 log 0 = 0.

#include <cmath>
#include <limits>

#include "gmoe/core/error.hpp"

namespace gmoe {

/// H = - sum_i f_i ln f_i with f_i = w_i / sum w, for counts or probabilities. Between 0 and ln(size).
/// Throws data_error for a negative or non-finite weight, or when nothing has weight.
template <class Weights>
double entropy(const Weights& weights) {
  double total = 0;
  for (const auto w : weights) {
    const double value = static_cast<double>(w);
    require<data_error>(value >= 0 && value <= std::numeric_limits<double>::max(), "entropy: weight ", value,
                        ", expected a finite number of at least 0");
    total += value;
  }
  require<data_error>(total > 0, "entropy: all weights are zero, so there is no distribution");
  double h = 0;
  for (const auto w : weights) {
    const double f = static_cast<double>(w) / total;
    if (f > 0) h -= f * std::log(f);
  }
  return h;
}

/// H / H_max, where `maximum` is the largest entropy possible. 1 when only one outcome is possible (H_max = 0).
inline double normalized_entropy(double h, double maximum) { return maximum > 0 ? h / maximum : 1.0; }

}  // namespace gmoe
