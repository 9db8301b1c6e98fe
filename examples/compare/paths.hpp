#pragma once
/// Routing paths in result files: a histogram is kept whole, so that paths can later be cut to the blocks that variants
/// have in common.

#include <nlohmann/json.hpp>
#include <vector>

#include "gmoe/analysis/paths.hpp"

namespace compare {

/// blocks, experts of each, and every distinct path with its count, most frequent first.
nlohmann::json to_json(const gmoe::path_histogram& h, const gmoe::routing_decisions& d);

/// The metrics of the paths through `blocks` only, which must be among the histogram's.
gmoe::path_metrics metrics_in_blocks(const nlohmann::json& histogram, const std::vector<gmoe::index_t>& blocks);

/// For the flow diagram: the `most` most frequent paths with their shares, and for each two neighbouring layers the
/// share of tokens that go from expert a to expert b.
nlohmann::json flow(const gmoe::path_histogram& h, const gmoe::routing_decisions& d, gmoe::index_t most);

}  // namespace compare
