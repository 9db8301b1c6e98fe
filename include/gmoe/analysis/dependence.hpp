#pragma once
/// How much a layer's decision tells about another layer's: mutual information and conditional entropy, in nats.
/// Distances count routed layers, not blocks.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/analysis/entropy.hpp"

namespace gmoe {

/// H(a^l) of the top-1 decisions of one layer.
inline double decision_entropy(const routing_decisions& d, index_t layer) {
  detail::some_tokens(d, "decision_entropy");
  std::vector<index_t> counts(d.experts(layer), 0);
  for (const id_type id : d.top1(layer)) ++counts[id];
  return entropy(counts);
}

/// H(a^l, a^m) of the top-1 decisions of two layers.
inline double joint_entropy(const routing_decisions& d, index_t l, index_t m) {
  const index_t tokens = detail::some_tokens(d, "joint_entropy");
  std::vector<index_t> counts(d.experts(l) * d.experts(m), 0);
  const auto a = d.top1(l), b = d.top1(m);
  for (index_t t = 0; t < tokens; ++t) ++counts[a[t] * d.experts(m) + b[t]];
  return entropy(counts);
}

/// I(a^l; a^m) = H(a^l) + H(a^m) - H(a^l, a^m). The plug-in estimate is biased high by about (N - 1)^2 / (2 T).
inline double mutual_information(const routing_decisions& d, index_t l, index_t m) {
  return std::max(0.0, decision_entropy(d, l) + decision_entropy(d, m) - joint_entropy(d, l, m));
}

/// I / sqrt(H(a^l) H(a^m)), between 0 and 1; 0 when a layer always decides the same.
inline double normalized_mutual_information(const routing_decisions& d, index_t l, index_t m) {
  const double scale = std::sqrt(decision_entropy(d, l) * decision_entropy(d, m));
  return scale > 0 ? mutual_information(d, l, m) / scale : 0.0;
}

/// H(a^next | a^given) = H(a^given, a^next) - H(a^given).
inline double conditional_entropy(const routing_decisions& d, index_t next, index_t given) {
  return std::max(0.0, joint_entropy(d, given, next) - decision_entropy(d, given));
}

/// H(a^0) + sum_l H(a^{l+1} | a^l): the path entropy if paths were a Markov chain over depth.
/// Never below the true path entropy, and needs far fewer tokens.
inline double markov_path_entropy(const routing_decisions& d) {
  detail::some_tokens(d, "markov_path_entropy");
  double h = decision_entropy(d, 0);
  for (index_t l = 0; l + 1 < d.layers(); ++l) h += conditional_entropy(d, l + 1, l);
  return h;
}

/// Mean of metric(d, l, l + distance) over all pairs of routed layers that far apart, for example
/// `mean_at_distance(d, 1, mutual_information)`. `distance` lies in [1, L_m).
template <class Metric>
double mean_at_distance(const routing_decisions& d, index_t distance, Metric metric) {
  require(distance >= 1 && distance < d.layers(), "mean_at_distance: distance ", distance, " between ", d.layers(),
          " routed layers, expected 1 to ", d.layers() - 1);
  double sum = 0;
  for (index_t l = 0; l + distance < d.layers(); ++l) sum += metric(d, l, l + distance);
  return sum / static_cast<double>(d.layers() - distance);
}

}  // namespace gmoe
