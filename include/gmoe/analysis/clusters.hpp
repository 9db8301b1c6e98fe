#pragma once
/// Quality of a clustering: do points with the same label lie together? Labels are arbitrary integers.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/analysis/distances.hpp"

namespace gmoe {

namespace detail {

/// Labels as 0 to M - 1 with the size of each cluster. Throws data_error below two clusters.
struct dense_labels {
  std::vector<index_t> of_point, size;

  dense_labels(std::span<const index_t> labels, index_t rows, const char* who) {
    require(static_cast<index_t>(labels.size()) == rows, who, ": ", labels.size(), " labels for ", rows, " points");
    std::map<index_t, index_t> number;
    for (const index_t label : labels) {
      const auto [at, is_new] = number.try_emplace(label, static_cast<index_t>(size.size()));
      if (is_new) size.push_back(0);
      ++size[at->second];
      of_point.push_back(at->second);
    }
    require<data_error>(size.size() >= 2, who, ": ", size.size(), " cluster(s), expected at least 2");
  }
};

inline point_set centroids(const point_set& points, const dense_labels& labels) {
  point_set mean{points.columns, std::vector<double>(labels.size.size() * points.columns, 0.0)};
  for (index_t t = 0; t < points.rows(); ++t)
    for (index_t c = 0; c < points.columns; ++c)
      mean.values[labels.of_point[t] * points.columns + c] +=
          points.row(t)[c] / static_cast<double>(labels.size[labels.of_point[t]]);
  return mean;
}

}  // namespace detail

/// Mean over points of the share of their K nearest other points that carry the same label (fewer than K when there
/// are fewer). Points equally far compete for the last places with equal chances, so the order does not matter.
/// With `tokens` (one per point, or empty), neighbours with the same token are left out: what remains is not explained
/// by token identity. Points without any neighbour do not count; data_error when that is all of them.
inline double knn_purity(const distance_matrix& distances, std::span<const index_t> labels, index_t neighbours,
                         std::span<const id_type> tokens = {}) {
  const index_t rows = distances.rows();
  require(neighbours >= 1, "knn_purity: ", neighbours, " neighbours, expected at least 1");
  require(static_cast<index_t>(labels.size()) == rows, "knn_purity: ", labels.size(), " labels for ", rows, " points");
  require(tokens.empty() || static_cast<index_t>(tokens.size()) == rows, "knn_purity: ", tokens.size(), " tokens for ",
          rows, " points");
  double sum = 0;
  index_t counted = 0;
  std::vector<double> others;
  for (index_t t = 0; t < rows; ++t) {
    const auto eligible = [&](index_t j) { return j != t && (tokens.empty() || tokens[j] != tokens[t]); };
    others.clear();
    for (index_t j = 0; j < rows; ++j)
      if (eligible(j)) others.push_back(distances(t, j));
    if (others.empty()) continue;
    const index_t k = std::min(neighbours, static_cast<index_t>(others.size()));
    std::nth_element(others.begin(), others.begin() + (k - 1), others.end());
    const double reach = others[k - 1];
    double nearer = 0, nearer_same = 0, tied = 0, tied_same = 0;
    for (index_t j = 0; j < rows; ++j) {
      if (!eligible(j) || distances(t, j) > reach) continue;
      const bool same = labels[j] == labels[t];
      (distances(t, j) < reach ? nearer : tied) += 1;
      if (same) (distances(t, j) < reach ? nearer_same : tied_same) += 1;
    }
    const double places = static_cast<double>(k);
    sum += (nearer_same + (places - nearer) * tied_same / tied) / places;
    ++counted;
  }
  require<data_error>(counted > 0, "knn_purity: none of ", rows, " points has a neighbour to look at");
  return sum / static_cast<double>(counted);
}

/// Mean over points of (b - a) / max(a, b), a the mean distance to the other points of the own cluster, b the smallest
/// mean distance to another cluster. Between -1 and 1, high is good. 0 for a point alone in its cluster.
inline double silhouette(const distance_matrix& distances, std::span<const index_t> labels) {
  const detail::dense_labels clusters(labels, distances.rows(), "silhouette");
  double sum = 0;
  std::vector<double> to_cluster;
  for (index_t t = 0; t < distances.rows(); ++t) {
    const index_t own = clusters.of_point[t];
    if (clusters.size[own] == 1) continue;
    to_cluster.assign(clusters.size.size(), 0.0);
    for (index_t j = 0; j < distances.rows(); ++j) to_cluster[clusters.of_point[j]] += distances(t, j);
    double b = std::numeric_limits<double>::infinity();
    for (index_t c = 0; c < static_cast<index_t>(to_cluster.size()); ++c)
      if (c != own) b = std::min(b, to_cluster[c] / static_cast<double>(clusters.size[c]));
    const double a = to_cluster[own] / static_cast<double>(clusters.size[own] - 1);
    if (std::max(a, b) > 0) sum += (b - a) / std::max(a, b);
  }
  return sum / static_cast<double>(distances.rows());
}

/// (1/M) sum_i max_{j != i} (S_i + S_j) / dist(mu_i, mu_j), S_i the mean Euclidean distance of cluster i to its
/// centroid mu_i. Low is good; infinite when two centroids coincide.
inline double davies_bouldin(const point_set& points, std::span<const index_t> labels) {
  const detail::dense_labels clusters(labels, points.rows(), "davies_bouldin");
  const point_set mean = detail::centroids(points, clusters);
  std::vector<double> scatter(clusters.size.size(), 0.0);
  for (index_t t = 0; t < points.rows(); ++t) {
    const index_t own = clusters.of_point[t];
    scatter[own] += euclidean_distance(points.row(t), mean.row(own)) / static_cast<double>(clusters.size[own]);
  }
  double sum = 0;
  for (index_t i = 0; i < mean.rows(); ++i) {
    double worst = 0;
    for (index_t j = 0; j < mean.rows(); ++j) {
      if (j == i) continue;
      const double apart = euclidean_distance(mean.row(i), mean.row(j));
      worst = std::max(worst, apart > 0 ? (scatter[i] + scatter[j]) / apart : std::numeric_limits<double>::infinity());
    }
    sum += worst;
  }
  return sum / static_cast<double>(mean.rows());
}

/// [sum_i n_i dist(mu_i, mu)^2 / (M - 1)] / [sum_i sum_{t in i} dist(r_t, mu_i)^2 / (n - M)]. High is good; infinite
/// when every point lies on its centroid. data_error unless there are more points than clusters.
inline double calinski_harabasz(const point_set& points, std::span<const index_t> labels) {
  const detail::dense_labels clusters(labels, points.rows(), "calinski_harabasz");
  const point_set mean = detail::centroids(points, clusters);
  require<data_error>(points.rows() > mean.rows(), "calinski_harabasz: ", points.rows(), " points in ", mean.rows(),
                      " clusters, expected more points than clusters");
  std::vector<double> middle(points.columns, 0.0);
  for (index_t t = 0; t < points.rows(); ++t)
    for (index_t c = 0; c < points.columns; ++c) middle[c] += points.row(t)[c] / static_cast<double>(points.rows());
  double between = 0, within = 0;
  for (index_t i = 0; i < mean.rows(); ++i) {
    const double apart = euclidean_distance(mean.row(i), middle);
    between += static_cast<double>(clusters.size[i]) * apart * apart;
  }
  for (index_t t = 0; t < points.rows(); ++t) {
    const double off = euclidean_distance(points.row(t), mean.row(clusters.of_point[t]));
    within += off * off;
  }
  if (within <= 0) return std::numeric_limits<double>::infinity();
  return (between / static_cast<double>(mean.rows() - 1)) / (within / static_cast<double>(points.rows() - mean.rows()));
}

/// Mean distance of two points of one cluster over the mean distance of two centroids (Euclidean). Low is good;
/// infinite when all centroids coincide. data_error when no cluster has two points.
inline double intra_inter_ratio(const point_set& points, std::span<const index_t> labels) {
  const detail::dense_labels clusters(labels, points.rows(), "intra_inter_ratio");
  const point_set mean = detail::centroids(points, clusters);
  double intra = 0, inter = 0;
  index_t pairs = 0;
  for (index_t t = 0; t < points.rows(); ++t)
    for (index_t u = t + 1; u < points.rows(); ++u)
      if (clusters.of_point[t] == clusters.of_point[u]) {
        intra += euclidean_distance(points.row(t), points.row(u));
        ++pairs;
      }
  require<data_error>(pairs > 0, "intra_inter_ratio: no two of ", points.rows(), " points share a cluster");
  for (index_t i = 0; i < mean.rows(); ++i)
    for (index_t j = i + 1; j < mean.rows(); ++j) inter += euclidean_distance(mean.row(i), mean.row(j));
  if (inter <= 0) return std::numeric_limits<double>::infinity();
  return (intra / static_cast<double>(pairs)) / (inter / static_cast<double>(mean.rows() * (mean.rows() - 1) / 2));
}

}  // namespace gmoe
