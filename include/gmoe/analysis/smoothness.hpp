#pragma once
/// Smoothness over positions: how often neighbouring tokens are routed alike.

#include "gmoe/analysis/decisions.hpp"

namespace gmoe {

/// Number of neighbouring positions (t, t + 1) that lie in one sequence.
inline index_t adjacent_pairs(const routing_decisions& d) {
  const index_t tokens = d.tokens();
  if (tokens == 0) return 0;
  const index_t boundaries = d.sequence_length() > 0 ? (tokens - 1) / d.sequence_length() : 0;
  return tokens - 1 - boundaries;
}

/// mean_t 1[a_t^l = a_{t+1}^l] over neighbouring positions of one sequence.
/// Throws data_error when no sequence has two tokens.
inline double layer_smoothness(const routing_decisions& d, index_t layer) {
  const index_t tokens = detail::some_tokens(d, "smoothness");
  const index_t pairs = adjacent_pairs(d);
  require<data_error>(pairs > 0, "smoothness: ", tokens, " token(s) in sequences of length ", d.sequence_length(),
                      " (0: one sequence) have no neighbours");
  const auto a = d.top1(layer);
  index_t same = 0;
  for (index_t t = 0; t + 1 < tokens; ++t) {
    const bool crosses = d.sequence_length() > 0 && (t + 1) % d.sequence_length() == 0;
    same += !crosses && a[t] == a[t + 1];
  }
  return static_cast<double>(same) / static_cast<double>(pairs);
}

/// 1 - the mean normalised Hamming distance between the paths of neighbouring tokens
/// = mean_t (1/L_m) sum_l 1[a_t^l = a_{t+1}^l].
inline double routing_smoothness(const routing_decisions& d) {
  detail::some_tokens(d, "smoothness");
  double sum = 0;
  for (index_t l = 0; l < d.layers(); ++l) sum += layer_smoothness(d, l);
  return sum / static_cast<double>(d.layers());
}

}  // namespace gmoe
