#pragma once
/// The experts of all layers in one dense numbering, so that shared pools can be counted across layers.

#include <algorithm>
#include <vector>

#include "gmoe/analysis/decisions.hpp"

namespace gmoe {

/// Every distinct global id once, numbered 0 to `experts` - 1 in increasing order of the global id.
struct global_numbering {
  index_t experts = 0;
  std::vector<std::vector<index_t>> number;  ///< number[layer][expert]

  explicit global_numbering(const routing_decisions& d) {
    std::vector<id_type> all;
    for (index_t l = 0; l < d.layers(); ++l) all.insert(all.end(), d.global_ids(l).begin(), d.global_ids(l).end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    experts = static_cast<index_t>(all.size());
    for (index_t l = 0; l < d.layers(); ++l) {
      std::vector<index_t> of_layer;
      for (const id_type id : d.global_ids(l))
        of_layer.push_back(std::lower_bound(all.begin(), all.end(), id) - all.begin());
      number.push_back(std::move(of_layer));
    }
  }
};

/// Whether at least two layers have an expert in common. Cross-layer equality means nothing otherwise.
inline bool shares_experts(const routing_decisions& d) {
  index_t declared = 0;
  for (index_t l = 0; l < d.layers(); ++l) declared += d.experts(l);
  return global_numbering(d).experts < declared;
}

}  // namespace gmoe
