#pragma once
/// The losses to beat first: what models reach that only count, one byte or two in a row.

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// In nats per byte.
struct counting_losses {
  double unigram = 0;  ///< p(b) = (c_b + 1) / (n + 256), of c_b bytes b among n
  double bigram = 0;   ///< q(b | a) = (c_ab + k_a p(b)) / (c_a + k_a), with k_a different bytes after a: Witten & Bell
};

/// Counts in `train`, and measures on every byte of `text` but the first, as a language model is measured.
/// Throws data_error if there is no byte to count, or none to predict.
inline counting_losses measure_counting_models(std::span<const std::uint8_t> train,
                                               std::span<const std::uint8_t> text) {
  require<data_error>(!train.empty(), "measure_counting_models: there are no bytes to count");
  require<data_error>(text.size() >= 2, "measure_counting_models: the text has ", text.size(),
                      " bytes, expected at least 2");
  std::array<double, 256> single{}, followed{}, followers{};
  std::vector<double> pairs(256 * 256);
  for (std::size_t i = 0; i < train.size(); ++i) {
    ++single[train[i]];
    if (i + 1 == train.size()) break;
    ++followed[train[i]];
    if (pairs[train[i] * 256u + train[i + 1]]++ == 0) ++followers[train[i]];
  }
  counting_losses losses;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const std::uint8_t a = text[i - 1], b = text[i];
    const double p = (single[b] + 1) / (static_cast<double>(train.size()) + 256);
    const double all = followed[a] + followers[a];
    losses.unigram -= std::log(p);
    losses.bigram -= std::log(all > 0 ? (pairs[a * 256u + b] + followers[a] * p) / all : p);
  }
  const auto n = static_cast<double>(text.size() - 1);
  return {losses.unigram / n, losses.bigram / n};
}

}  // namespace gmoe
