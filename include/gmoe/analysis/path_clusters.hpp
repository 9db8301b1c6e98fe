#pragma once
/// Do tokens on the same path have similar representations? Cluster quality of the most frequent paths, with baselines.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/analysis/clusters.hpp"
#include "gmoe/analysis/paths.hpp"
#include "gmoe/analysis/shuffled.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// Tokens and the number of the path each of them is on.
struct path_sample {
  std::vector<index_t> tokens, labels;
};

/// As many tokens from each of the `paths` most frequent paths, drawn without replacement: `per_path` of them, or as
/// many as the rarest of these paths has. Fewer paths are taken when fewer exist.
inline path_sample balanced_sample(const path_histogram& h, index_t paths, index_t per_path,
                                   const random_stream& stream) {
  require(paths >= 1 && per_path >= 1, "balanced_sample: ", paths, " paths of ", per_path,
          " tokens, expected at least 1 of each");
  require<data_error>(h.tokens() > 0, "balanced_sample: there are no tokens to draw from");
  const index_t kept = std::min(paths, h.distinct());
  const index_t each = std::min(per_path, h.count[kept - 1]);
  std::vector<std::vector<index_t>> members(kept);
  for (index_t t = 0; t < h.tokens(); ++t)
    if (h.label[t] < kept) members[h.label[t]].push_back(t);
  path_sample sample;
  for (index_t path = 0; path < kept; ++path) {
    std::vector<index_t> drawn = shuffled(std::move(members[path]), stream.fork(static_cast<std::uint64_t>(path)));
    drawn.resize(each);
    std::sort(drawn.begin(), drawn.end());
    sample.tokens.insert(sample.tokens.end(), drawn.begin(), drawn.end());
    sample.labels.insert(sample.labels.end(), each, path);
  }
  return sample;
}

/// All cluster metrics of one labelling.
struct cluster_metrics {
  double knn_purity = 0;
  double silhouette = 0;
  double davies_bouldin = 0;
  double calinski_harabasz = 0;
  double intra_inter_ratio = 0;
};

/// `distances` decides purity and silhouette; the others are Euclidean on `points`.
inline cluster_metrics measure_clusters(const point_set& points, const distance_matrix& distances,
                                        std::span<const index_t> labels, index_t neighbours) {
  return {knn_purity(distances, labels, neighbours), silhouette(distances, labels), davies_bouldin(points, labels),
          calinski_harabasz(points, labels), intra_inter_ratio(points, labels)};
}

struct path_cluster_options {
  index_t paths = 20;       ///< M, the most frequent paths
  index_t per_path = 100;   ///< tokens drawn from each, at most
  index_t neighbours = 10;  ///< K of the purity
  distance_kind distance = distance_kind::euclidean;
};

/// The metrics with paths as labels, and what to print beside them. The token values exist when token ids were given;
/// the purity among other tokens only if the sample has two different tokens.
struct path_cluster_report {
  index_t clusters = 0;                       ///< paths in the sample
  index_t points = 0;                         ///< tokens in the sample
  cluster_metrics paths;                      ///< labels = path
  cluster_metrics permuted;                   ///< the same labels, permuted: what chance gives
  std::optional<double> purity_other_tokens;  ///< kNN purity among neighbours that are a different token
  std::optional<double> purity_of_tokens;     ///< kNN purity with labels = token id
};

/// Cluster quality of the paths in `h` for `representations` (T x columns, row-major), such as final hidden states.
/// `token_ids` has T entries or none.
template <class Real>
path_cluster_report measure_path_clusters(const path_histogram& h, std::span<const Real> representations,
                                          index_t columns, const random_stream& stream,
                                          std::span<const id_type> token_ids = {},
                                          const path_cluster_options& options = {}) {
  require(static_cast<index_t>(representations.size()) == h.tokens() * columns,
          "measure_path_clusters: ", representations.size(), " values, expected ", h.tokens(), " tokens x ", columns,
          " columns");
  require(token_ids.empty() || static_cast<index_t>(token_ids.size()) == h.tokens(),
          "measure_path_clusters: ", token_ids.size(), " token ids for ", h.tokens(), " tokens");
  const path_sample sample = balanced_sample(h, options.paths, options.per_path, stream.fork("sample"));
  const point_set points = pick_points(representations, columns, sample.tokens);
  const distance_matrix distances(points, options.distance);
  path_cluster_report report;
  report.clusters = std::min(options.paths, h.distinct());
  report.points = points.rows();
  report.paths = measure_clusters(points, distances, sample.labels, options.neighbours);
  report.permuted =
      measure_clusters(points, distances, shuffled(sample.labels, stream.fork("permute")), options.neighbours);
  if (!token_ids.empty()) {
    std::vector<id_type> tokens;
    for (const index_t t : sample.tokens) tokens.push_back(token_ids[t]);
    if (std::adjacent_find(tokens.begin(), tokens.end(), std::not_equal_to<>()) != tokens.end())
      report.purity_other_tokens = knn_purity(distances, sample.labels, options.neighbours, tokens);
    report.purity_of_tokens =
        knn_purity(distances, std::vector<index_t>(tokens.begin(), tokens.end()), options.neighbours);
  }
  return report;
}

}  // namespace gmoe
