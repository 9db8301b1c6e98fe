#pragma once
/// Routing paths: the tuple of a token's top-1 decisions over depth, their histogram, and how concentrated it is.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <unordered_map>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/analysis/entropy.hpp"

namespace gmoe {

/// The distinct paths of T tokens, numbered by falling count, the earlier seen first among equals.
struct path_histogram {
  std::vector<index_t> layers;  ///< the routed layers a path runs through
  std::vector<id_type> steps;   ///< D x layers: expert ids within their layers, path after path
  std::vector<index_t> count;   ///< D: tokens on each path, falling
  std::vector<index_t> label;   ///< T: the path of each token
  double log_possible = 0;      ///< sum over layers of ln N, the entropy of all possible paths alike

  index_t tokens() const { return static_cast<index_t>(label.size()); }
  index_t distinct() const { return static_cast<index_t>(count.size()); }
  /// The expert ids of path number `path`.
  std::span<const id_type> path(index_t path) const {
    return std::span<const id_type>(steps).subspan(path * layers.size(), layers.size());
  }
  /// q = count / T.
  double share(index_t path) const { return static_cast<double>(count[path]) / static_cast<double>(label.size()); }
};

namespace detail {

/// Replaces keys by 0, 1, ... in order of first appearance; returns how many there are.
inline std::uint64_t renumber(std::vector<std::uint64_t>& keys) {
  std::unordered_map<std::uint64_t, std::uint64_t> seen;
  for (std::uint64_t& key : keys) key = seen.try_emplace(key, seen.size()).first->second;
  return seen.size();
}

}  // namespace detail

/// Histogram of the paths through `layers` (routed-layer numbers, strictly increasing, at least one).
/// Keys are exact at any depth: mixed-radix integers, renumbered densely (at most T) before they would pass 64 bits.
inline path_histogram count_paths(const routing_decisions& d, std::vector<index_t> layers) {
  const index_t tokens = detail::some_tokens(d, "count_paths");
  require(!layers.empty(), "count_paths: a path needs at least one layer");
  for (std::size_t n = 1; n < layers.size(); ++n)
    require(layers[n - 1] < layers[n], "count_paths: layer ", layers[n], " comes after layer ", layers[n - 1],
            ", expected increasing layers");
  path_histogram h;
  std::vector<std::uint64_t> keys(tokens, 0);
  std::uint64_t radix = 1;  // all keys are below it
  for (const index_t l : layers) {
    const auto experts = static_cast<std::uint64_t>(d.experts(l));
    if (radix > std::numeric_limits<std::uint64_t>::max() / experts) radix = detail::renumber(keys);
    for (index_t t = 0; t < tokens; ++t) keys[t] = keys[t] * experts + static_cast<std::uint64_t>(d.top1(l)[t]);
    radix *= experts;
    h.log_possible += std::log(static_cast<double>(experts));
  }
  const std::uint64_t distinct = detail::renumber(keys);

  std::vector<index_t> seen(distinct, 0), example(distinct, 0);
  for (index_t t = tokens; t-- > 0;) {
    ++seen[keys[t]];
    example[keys[t]] = t;
  }
  std::vector<index_t> order(distinct), rank(distinct);
  std::iota(order.begin(), order.end(), index_t{0});
  std::sort(order.begin(), order.end(),
            [&](index_t a, index_t b) { return seen[a] != seen[b] ? seen[a] > seen[b] : a < b; });
  for (std::size_t n = 0; n < order.size(); ++n) {
    rank[order[n]] = static_cast<index_t>(n);
    h.count.push_back(seen[order[n]]);
    for (const index_t l : layers) h.steps.push_back(d.top1(l)[example[order[n]]]);
  }
  for (const std::uint64_t key : keys) h.label.push_back(rank[key]);
  h.layers = std::move(layers);
  return h;
}

/// Histogram of the paths through all routed layers.
inline path_histogram count_paths(const routing_decisions& d) {
  std::vector<index_t> all(d.layers());
  std::iota(all.begin(), all.end(), index_t{0});
  detail::some_tokens(d, "count_paths");
  return count_paths(d, std::move(all));
}

/// Mass of the `paths` most frequent paths: the sum of their q (all of them when fewer exist).
inline double top_mass(const path_histogram& h, index_t paths) {
  require(paths >= 1, "top_mass: ", paths, " paths, expected at least 1");
  const index_t end = std::min(paths, h.distinct());
  const index_t mass = std::accumulate(h.count.begin(), h.count.begin() + end, index_t{0});
  return static_cast<double>(mass) / static_cast<double>(h.tokens());
}

/// How concentrated the law q of the paths is. Raw entropies compare only at equal layers and equal T.
struct path_metrics {
  index_t tokens = 0;                  ///< T
  index_t layers = 0;                  ///< L_m, the length of a path
  index_t distinct = 0;                ///< D
  double entropy = 0;                  ///< H = - sum q ln q, biased low
  double entropy_miller_madow = 0;     ///< H + (D - 1) / (2 T)
  double effective_number = 0;         ///< exp(H)
  double normalized_entropy = 0;       ///< H / min(ln T, sum_l ln N_l); 1 when only one path is possible
  double top1_mass = 0;                ///< max q
  double top10_mass = 0;               ///< the 10 largest q
  double top100_mass = 0;              ///< the 100 largest q
  double unique_ratio = 0;             ///< D / T
  double collision_probability = 0;    ///< sum q^2
  double effective_number_order2 = 0;  ///< 1 / sum q^2
};

inline path_metrics measure_paths(const path_histogram& h) {
  require<data_error>(h.tokens() > 0, "measure_paths: there are no tokens to measure");
  const double tokens = static_cast<double>(h.tokens()), distinct = static_cast<double>(h.distinct());
  path_metrics m;
  m.tokens = h.tokens();
  m.layers = static_cast<index_t>(h.layers.size());
  m.distinct = h.distinct();
  m.entropy = entropy(h.count);
  m.entropy_miller_madow = m.entropy + (distinct - 1) / (2 * tokens);
  m.effective_number = std::exp(m.entropy);
  m.normalized_entropy = normalized_entropy(m.entropy, std::min(std::log(tokens), h.log_possible));
  m.top1_mass = top_mass(h, 1);
  m.top10_mass = top_mass(h, 10);
  m.top100_mass = top_mass(h, 100);
  m.unique_ratio = distinct / tokens;
  for (index_t i = 0; i < h.distinct(); ++i) m.collision_probability += h.share(i) * h.share(i);
  m.effective_number_order2 = 1 / m.collision_probability;
  return m;
}

}  // namespace gmoe
