#include "gmoe/analysis/path_clusters.hpp"

#include <doctest/doctest.h>

#include <set>

#include "hand_made.hpp"

using doctest::Approx;
using gmoe::index_t;
using gmoe::random_stream;
using hand_made::ids;

namespace {

/// 40 tokens in turn on three paths with 20, 12 and 8 tokens.
gmoe::path_histogram three_paths() {
  ids top1;
  for (int t = 0; t < 40; ++t) top1.push_back(t % 2 == 0 ? 0 : (t % 10 == 1 || t % 10 == 5 ? 2 : 1));
  return gmoe::count_paths(hand_made::top1(3, {top1}));
}

}  // namespace

TEST_CASE("analysis/path_clusters: the sample is balanced, without repetition and repeatable") {
  const auto h = three_paths();
  REQUIRE(h.count == std::vector<index_t>{20, 12, 8});
  const auto s = gmoe::balanced_sample(h, 2, 10, random_stream(1));
  CHECK(s.tokens.size() == 20);
  CHECK(std::set<index_t>(s.tokens.begin(), s.tokens.end()).size() == 20);
  CHECK(std::count(s.labels.begin(), s.labels.end(), 0) == 10);
  CHECK(std::count(s.labels.begin(), s.labels.end(), 1) == 10);
  for (std::size_t n = 0; n < s.tokens.size(); ++n) CHECK(h.label[s.tokens[n]] == s.labels[n]);
  CHECK(gmoe::balanced_sample(h, 2, 10, random_stream(1)).tokens == s.tokens);
  CHECK(gmoe::balanced_sample(h, 2, 10, random_stream(2)).tokens != s.tokens);
  CHECK(gmoe::balanced_sample(h, 99, 99, random_stream(1)).tokens.size() == 24);  // 8 of each, the rarest has no more
  CHECK_THROWS_AS(gmoe::balanced_sample(h, 0, 10, random_stream(1)), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::balanced_sample(h, 2, 0, random_stream(1)), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::balanced_sample({}, 2, 1, random_stream(1)), gmoe::data_error);
}

TEST_CASE("analysis/path_clusters: every token of a path is drawn equally often") {
  const auto h = three_paths();
  std::vector<int> drawn(40, 0);
  for (int seed = 0; seed < 2000; ++seed)
    for (const index_t t : gmoe::balanced_sample(h, 1, 5, random_stream(seed)).tokens) ++drawn[t];
  for (int t = 0; t < 40; t += 2) CHECK(std::abs(drawn[t] - 500) < 100);  // 500 expected, deviation 19
}

TEST_CASE("analysis/path_clusters: a shuffle keeps what it shuffles") {
  const std::vector<int> items{1, 1, 2, 3, 5, 8, 13, 21};
  auto other = gmoe::shuffled(items, random_stream(4));
  CHECK(other != items);
  std::sort(other.begin(), other.end());
  CHECK(other == items);
  CHECK(gmoe::shuffled(std::vector<int>{}, random_stream(4)).empty());
}

TEST_CASE("analysis/path_clusters: paths that are clusters beat chance") {
  ids top1;
  std::vector<float> representations;
  ids token_ids;
  const random_stream noise(9);
  for (int t = 0; t < 400; ++t) {
    top1.push_back(t % 4);
    representations.push_back(static_cast<float>(10 * (t % 2) + 0.1 * noise.normal(2 * t)));
    representations.push_back(static_cast<float>(10 * (t % 4 / 2) + 0.1 * noise.normal(2 * t + 1)));
    token_ids.push_back(t % 20);  // a token is always on one path, each path has five tokens
  }
  const auto h = gmoe::count_paths(hand_made::top1(4, {top1}));
  const auto r = gmoe::measure_path_clusters(h, std::span<const float>(representations), 2, random_stream(5), token_ids,
                                             {.paths = 4, .per_path = 50, .neighbours = 10});
  CHECK(r.clusters == 4);
  CHECK(r.points == 200);
  CHECK(r.paths.knn_purity == 1.0);
  CHECK(r.paths.silhouette > 0.95);
  CHECK(r.paths.davies_bouldin < 0.05);
  CHECK(r.paths.calinski_harabasz > 10000);
  CHECK(r.paths.intra_inter_ratio < 0.05);
  CHECK(r.permuted.knn_purity == Approx(49.0 / 199).epsilon(0.15));  // chance
  CHECK(std::abs(r.permuted.silhouette) < 0.1);
  CHECK(r.permuted.davies_bouldin > 1);
  CHECK(r.purity_other_tokens.value() == 1.0);                    // the path says more than the token
  CHECK(r.purity_of_tokens.value() == Approx(0.2).epsilon(0.4));  // tokens do not cluster within their path
}

TEST_CASE("analysis/path_clusters: paths that only repeat the token show it") {
  ids top1, token_ids;
  std::vector<double> representations;
  for (int t = 0; t < 60; ++t) {
    const int token = t % 6;  // on path token % 2, six points on a line: neighbouring tokens are on different paths
    top1.push_back(token % 2);
    token_ids.push_back(token);
    representations.push_back(token);
  }
  const auto h = gmoe::count_paths(hand_made::top1(2, {top1}));
  const auto r = gmoe::measure_path_clusters(h, std::span<const double>(representations), 1, random_stream(5),
                                             token_ids, {.paths = 2, .per_path = 30, .neighbours = 5});
  CHECK(r.paths.knn_purity == 1.0);
  CHECK(r.purity_of_tokens.value() == 1.0);
  CHECK(r.purity_other_tokens.value() == 0.0);
}

TEST_CASE("analysis/path_clusters: token values need tokens, clusters need two paths") {
  const auto h = three_paths();
  const std::vector<double> representations(40, 1.0);
  const std::span<const double> view(representations);
  const auto r = gmoe::measure_path_clusters(h, view, 1, random_stream(1));
  CHECK_FALSE(r.purity_other_tokens.has_value());
  CHECK_FALSE(r.purity_of_tokens.has_value());
  CHECK(r.paths.knn_purity == Approx(7.0 / 23));  // all at one place: 7 of 23 others
  const auto same = gmoe::measure_path_clusters(h, view, 1, random_stream(1), ids(40, 3));
  CHECK_FALSE(same.purity_other_tokens.has_value());
  CHECK(same.purity_of_tokens.value() == 1.0);
  CHECK_THROWS_AS(gmoe::measure_path_clusters(h, view, 2, random_stream(1)), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::measure_path_clusters(h, view, 1, random_stream(1), ids(3, 3)), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::measure_path_clusters(h, view, 1, random_stream(1), {}, {.paths = 1}), gmoe::data_error);
}
