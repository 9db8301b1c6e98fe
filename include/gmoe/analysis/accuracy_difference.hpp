#pragma once
/// Two models, the same questions: which of them answers more, beyond the luck of the questions.

#include <algorithm>
#include <cmath>
#include <span>

#include "gmoe/analysis/accuracy.hpp"

namespace gmoe {

/// The difference of two accuracies, with a 95 % interval over the questions.
struct accuracy_difference : interval {
  double mean = 0;
  index_t questions = 0;
};

/// b - a, where a_q and b_q are 1 if the model answers question q, 0 if not, or the share of several models (runs of
/// different seeds) that do. What makes a question hard for both drops out of the difference. With D_q = b_q - a_q of n
/// questions, and half an answer more in each of the four cells that two models have (Agresti & Min 2005), so that the
/// interval says something of few questions and of equal answers:
///     d' = sum D / (n + 2),  s'^2 = (sum D^2 + 1 - (sum D)^2 / (n + 2)) / (n + 2)^2,  low, high = d' -+ z s'
/// Throws data_error without questions, and unless there are equally many of both, each 0 to 1.
inline accuracy_difference compare_accuracies(std::span<const double> a, std::span<const double> b) {
  require<data_error>(a.size() == b.size() && !a.empty(), "compare_accuracies: ", a.size(), " and ", b.size(),
                      " answers, expected as many of both, and at least 1");
  double sum = 0, squares = 0;
  for (std::size_t q = 0; q < a.size(); ++q) {
    for (const double share : {a[q], b[q]})
      require<data_error>(share >= 0 && share <= 1, "compare_accuracies: the share of question ", q, " is ", share,
                          ", expected 0 to 1");
    sum += b[q] - a[q];
    squares += (b[q] - a[q]) * (b[q] - a[q]);
  }
  const auto n = static_cast<double>(a.size());
  const double centre = sum / (n + 2);
  const double half = normal_quantile_95 * std::sqrt(squares + 1 - sum * sum / (n + 2)) / (n + 2);
  return {{std::max(centre - half, -1.0), std::min(centre + half, 1.0)}, sum / n, std::ssize(a)};
}

}  // namespace gmoe
