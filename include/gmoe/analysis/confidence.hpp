#pragma once
/// How sure a router is, from its probabilities.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/analysis/entropy.hpp"

namespace gmoe {

/// Means over tokens. p is a token's probabilities, I its selected set of size k, C = sum_{i in I} p_i, pn = p / C on
/// I, p_(1) >= p_(2) the largest in I. The set values skip tokens whose set is empty or has C = 0.
struct confidence_metrics {
  double selected_mass = 0;              ///< C
  double decisiveness = 0;               ///< (p_(1) - p_(2)) / C; 1 for k = 1
  double set_entropy = 0;                ///< H(pn) / ln k; 0 for k = 1
  double effective_experts = 0;          ///< 1 / sum pn^2, between 1 and k
  double top1_share = 0;                 ///< p_(1) / C
  double router_entropy = 0;             ///< H(p) in nats
  double normalized_router_entropy = 0;  ///< H(p) / ln N; 0 for N = 1
  double margin = 0;                     ///< the largest p of all N minus the second largest; 1 for N = 1
};

/// Confidence of one layer. Throws data_error when its router gave no scores, or when no token's set counts.
inline confidence_metrics measure_confidence(const routing_decisions& d, index_t layer) {
  const index_t tokens = detail::some_tokens(d, "confidence");
  require<data_error>(d.scored(layer), "confidence: the router of block ", d.block(layer), " gave no scores");
  const index_t experts = d.experts(layer);
  confidence_metrics m;
  index_t sets = 0;
  std::vector<double> inside;
  for (index_t t = 0; t < tokens; ++t) {
    const auto p = d.probabilities(layer).subspan(t * experts, experts);
    const double h = entropy(p);
    m.router_entropy += h;
    if (experts > 1) m.normalized_router_entropy += h / std::log(static_cast<double>(experts));
    double first = 0, second = 0;
    for (const double value : p) {
      second = std::max(second, std::min(first, value));
      first = std::max(first, value);
    }
    m.margin += first - second;

    inside.clear();
    double mass = 0, squares = 0;
    for (const id_type id : d.ids(layer, t)) {
      if (id == no_choice) continue;
      inside.push_back(p[id]);
      mass += p[id];
      squares += p[id] * p[id];
    }
    if (mass <= 0) continue;
    ++sets;
    std::sort(inside.begin(), inside.end(), [](double a, double b) { return a > b; });
    m.selected_mass += mass;
    m.decisiveness += (inside[0] - (inside.size() > 1 ? inside[1] : 0.0)) / mass;
    if (inside.size() > 1) m.set_entropy += entropy(inside) / std::log(static_cast<double>(inside.size()));
    m.effective_experts += mass * mass / squares;
    m.top1_share += inside[0] / mass;
  }
  require<data_error>(sets > 0, "confidence: no token of block ", d.block(layer), " selected an expert it gave weight");
  for (double* per_token : {&m.router_entropy, &m.normalized_router_entropy, &m.margin})
    *per_token /= static_cast<double>(tokens);
  for (double* per_set : {&m.selected_mass, &m.decisiveness, &m.set_entropy, &m.effective_experts, &m.top1_share})
    *per_set /= static_cast<double>(sets);
  return m;
}

}  // namespace gmoe
