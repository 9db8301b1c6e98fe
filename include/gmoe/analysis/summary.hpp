#pragma once
/// The minimal report of one run's routing, as plain data to print or to write down.

#include <optional>
#include <vector>

#include "gmoe/analysis/agreement.hpp"
#include "gmoe/analysis/confidence.hpp"
#include "gmoe/analysis/dependence.hpp"
#include "gmoe/analysis/load.hpp"
#include "gmoe/analysis/paths.hpp"
#include "gmoe/analysis/smoothness.hpp"

namespace gmoe {

/// One routed layer.
struct layer_summary {
  index_t block = 0;
  index_t experts = 0;  ///< N
  load_metrics load;
  std::optional<confidence_metrics> confidence;  ///< where the router gave scores
};

/// All routed layers. A value is absent where it has no meaning: MI and consistency for one layer, agreement and
/// overlap without shared experts, smoothness without neighbours, router entropy and margin without scores.
struct routing_summary {
  index_t tokens = 0;  ///< T
  std::vector<layer_summary> layers;
  load_metrics pooled;  ///< over layers, by global id
  path_metrics paths;   ///< through all routed layers
  double markov_path_entropy = 0;
  std::optional<double> mutual_information;             ///< mean over neighbouring routed layers, nats
  std::optional<double> normalized_mutual_information;  ///< mean over neighbouring routed layers
  std::optional<double> agreement;                      ///< same global expert as one routed layer before
  std::optional<double> set_consistency;                ///< mean Jaccard of selected sets, by global id
  std::optional<double> usage_overlap;                  ///< mean over pairs of layers
  std::optional<double> smoothness;
  std::optional<double> router_entropy;  ///< mean over scored layers, nats
  std::optional<double> margin;          ///< mean over scored layers
};

/// Measures everything. Throws data_error when there is no layer, no token, or a layer without any assignment.
inline routing_summary summarize(const routing_decisions& d) {
  routing_summary s;
  s.tokens = detail::some_tokens(d, "summarize");
  double router_entropy = 0, margin = 0;
  index_t scored = 0;
  for (index_t l = 0; l < d.layers(); ++l) {
    layer_summary layer{d.block(l), d.experts(l), layer_load(d, l), std::nullopt};
    if (d.scored(l)) {
      layer.confidence = measure_confidence(d, l);
      router_entropy += layer.confidence->router_entropy;
      margin += layer.confidence->margin;
      ++scored;
    }
    s.layers.push_back(std::move(layer));
  }
  s.pooled = pooled_load(d);
  s.paths = measure_paths(count_paths(d));
  s.markov_path_entropy = markov_path_entropy(d);
  if (d.layers() > 1) {
    s.mutual_information = mean_at_distance(d, 1, mutual_information);
    s.normalized_mutual_information = mean_at_distance(d, 1, normalized_mutual_information);
    if (shares_experts(d)) {
      s.agreement = mean_at_distance(
          d, 1, [](const routing_decisions& r, index_t l, index_t m) { return layer_agreement(r, l, m); });
      s.set_consistency = set_consistency(d);
      s.usage_overlap = mean_usage_overlap(d);
    }
  }
  if (adjacent_pairs(d) > 0) s.smoothness = routing_smoothness(d);
  if (scored > 0) {
    s.router_entropy = router_entropy / static_cast<double>(scored);
    s.margin = margin / static_cast<double>(scored);
  }
  return s;
}

}  // namespace gmoe
