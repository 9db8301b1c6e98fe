#include "gmoe/analysis/clusters.hpp"

#include <doctest/doctest.h>

#include <limits>

using doctest::Approx;
using gmoe::distance_matrix;
using gmoe::point_set;
using labels = std::vector<gmoe::index_t>;
using tokens = std::vector<gmoe::id_type>;

namespace {
const double infinity = std::numeric_limits<double>::infinity();
point_set line(std::vector<double> values) { return {1, std::move(values)}; }
const point_set far_apart = line({0, 2, 100, 102});
const labels pairs{7, 7, -3, -3};  // labels need not be dense
}  // namespace

TEST_CASE("analysis/clusters: two clusters far apart") {
  const distance_matrix d(far_apart);
  CHECK(gmoe::knn_purity(d, pairs, 1) == 1.0);
  CHECK(gmoe::knn_purity(d, pairs, 3) == Approx(1.0 / 3));   // one of the three others is of the own cluster
  CHECK(gmoe::knn_purity(d, pairs, 99) == Approx(1.0 / 3));  // there are no more than three
  CHECK(gmoe::silhouette(d, pairs) == Approx((99.0 / 101 + 97.0 / 99) / 2));  // a = 2, b = 101 or 99
  CHECK(gmoe::davies_bouldin(far_apart, pairs) == Approx(2.0 / 100));         // S = 1, centroids 1 and 101
  CHECK(gmoe::calinski_harabasz(far_apart, pairs) == Approx(4 * 2500.0 / (4.0 / 2)));
  CHECK(gmoe::intra_inter_ratio(far_apart, pairs) == Approx(2.0 / 100));
}

TEST_CASE("analysis/clusters: labels across the gap") {
  const labels crossed{0, 1, 0, 1};
  const distance_matrix d(far_apart);
  CHECK(gmoe::knn_purity(d, crossed, 1) == 0.0);
  CHECK(gmoe::silhouette(d, crossed) < 0.0);
  CHECK(gmoe::davies_bouldin(far_apart, crossed) == Approx(50.0));  // S = 50, centroids 50 and 52
  CHECK(gmoe::calinski_harabasz(far_apart, crossed) == Approx(4.0 / (4 * 2500.0 / 2)));
  CHECK(gmoe::intra_inter_ratio(far_apart, crossed) == Approx(50.0));
}

TEST_CASE("analysis/clusters: two coordinates and clusters of different size") {
  const point_set points{2, {0, 0, 0, 2, 0, 4, 30, 42}};  // centroids (0, 2), (30, 42): 50 apart
  const labels three_and_one{0, 0, 0, 1};
  CHECK(gmoe::davies_bouldin(points, three_and_one) == Approx(4.0 / 3 / 50));
  // The mean (7.5, 12) is 12.5 from the first centroid and 37.5 from the second.
  CHECK(gmoe::calinski_harabasz(points, three_and_one) == Approx((3 * 156.25 + 1406.25) / (8.0 / 2)));
  CHECK(gmoe::intra_inter_ratio(points, three_and_one) == Approx(8.0 / 3 / 50));
}

TEST_CASE("analysis/clusters: a point alone in its cluster has silhouette 0") {
  CHECK(gmoe::silhouette(distance_matrix(line({0, 1, 10})), labels{0, 0, 1}) == Approx((9.0 / 10 + 8.0 / 9) / 3));
}

TEST_CASE("analysis/clusters: points equally far compete with equal chances") {
  // All at one place: each sees 1 of its own label among 3 others, whatever the order.
  const distance_matrix same(line({5, 5, 5, 5}));
  CHECK(gmoe::knn_purity(same, labels{0, 0, 1, 1}, 1) == Approx(1.0 / 3));
  CHECK(gmoe::knn_purity(same, labels{0, 1, 0, 1}, 2) == Approx(1.0 / 3));
  CHECK(gmoe::silhouette(same, labels{0, 0, 1, 1}) == 0.0);
  // From 0: one neighbour at 1 (same), then -2 (same) and 2 (other) tie for the second place.
  const distance_matrix tie(line({0, 1, -2, 2}));
  const double from_0 = (1 + 0.5) / 2, from_1 = (2 * 0.5) / 2, from_minus_2 = 1, from_2 = 0;
  CHECK(gmoe::knn_purity(tie, labels{0, 0, 0, 1}, 2) == Approx((from_0 + from_1 + from_minus_2 + from_2) / 4));
}

TEST_CASE("analysis/clusters: purity without neighbours of the same token") {
  const distance_matrix d(line({0, 0.1, 1, 10, 10.1, 11}));
  const labels path{0, 0, 1, 1, 1, 0};
  CHECK(gmoe::knn_purity(d, path, 1) == Approx(4.0 / 6));
  // Tokens explain the near pairs; without them every nearest neighbour is on the other path.
  CHECK(gmoe::knn_purity(d, path, 1, tokens{1, 1, 2, 3, 3, 4}) == 0.0);
  // The lone token 2 sees the others; they see only it.
  CHECK(gmoe::knn_purity(distance_matrix(line({0, 1, 5})), labels{0, 0, 1}, 2, tokens{1, 1, 2}) == 0.0);
  CHECK_THROWS_AS(gmoe::knn_purity(d, path, 1, tokens(6, 9)), gmoe::data_error);
}

TEST_CASE("analysis/clusters: coinciding centroids and points") {
  CHECK(gmoe::davies_bouldin(line({-1, 1, -2, 2}), pairs) == infinity);
  CHECK(gmoe::calinski_harabasz(line({-1, 1, -2, 2}), pairs) == Approx(0.0));
  CHECK(gmoe::intra_inter_ratio(line({-1, 1, -2, 2}), pairs) == infinity);
  CHECK(gmoe::calinski_harabasz(line({3, 3, 4, 4}), pairs) == infinity);
  CHECK(gmoe::davies_bouldin(line({3, 3, 4, 4}), pairs) == 0.0);
}

TEST_CASE("analysis/clusters: what is no clustering is refused") {
  const distance_matrix d(far_apart);
  CHECK_THROWS_AS(gmoe::knn_purity(d, pairs, 0), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::knn_purity(d, labels{1, 2}, 1), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::knn_purity(d, pairs, 1, tokens{1}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::knn_purity(distance_matrix(line({1})), labels{0}, 1), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::knn_purity(distance_matrix(line({})), labels{}, 1), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::silhouette(d, labels(4, 1)), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::silhouette(d, labels{1, 2}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::davies_bouldin(far_apart, labels(4, 1)), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::calinski_harabasz(far_apart, labels{0, 1, 2, 3}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::intra_inter_ratio(far_apart, labels{0, 1, 2, 3}), gmoe::data_error);
}
