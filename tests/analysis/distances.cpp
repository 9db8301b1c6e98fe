#include "gmoe/analysis/distances.hpp"

#include <doctest/doctest.h>

#include <limits>

using doctest::Approx;
using numbers = std::vector<double>;
using gmoe::index_t;

TEST_CASE("analysis/distances: Euclidean and cosine") {
  CHECK(gmoe::euclidean_distance(numbers{0, 0}, numbers{3, 4}) == Approx(5.0));
  CHECK(gmoe::cosine_distance(numbers{2, 0}, numbers{5, 0}) == Approx(0.0));
  CHECK(gmoe::cosine_distance(numbers{1, 0}, numbers{0, 7}) == Approx(1.0));
  CHECK(gmoe::cosine_distance(numbers{1, 1}, numbers{-2, -2}) == Approx(2.0));
  CHECK(gmoe::cosine_distance(numbers{0, 0}, numbers{1, 2}) == 1.0);
}

TEST_CASE("analysis/distances: picked rows keep their order, the matrix is symmetric") {
  const std::vector<float> matrix{0, 0, 9, 9, 3, 4};
  const auto points = gmoe::pick_points(std::span<const float>(matrix), 2, std::vector<index_t>{2, 0});
  CHECK(points.rows() == 2);
  CHECK(points.values == numbers{3, 4, 0, 0});
  const gmoe::distance_matrix d(points);
  CHECK(d.rows() == 2);
  CHECK(d(0, 1) == Approx(5.0));
  CHECK(d(1, 0) == d(0, 1));
  CHECK(d(1, 1) == 0.0);
  CHECK(gmoe::distance_matrix(points, gmoe::distance_kind::cosine)(0, 1) == 1.0);
}

TEST_CASE("analysis/distances: misfits are refused") {
  const numbers matrix{0, 1, 2, std::numeric_limits<double>::infinity()};
  const std::span<const double> view(matrix);
  CHECK_THROWS_AS(gmoe::pick_points(view, 3, std::vector<index_t>{0}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::pick_points(view, 0, std::vector<index_t>{0}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::pick_points(view, 2, std::vector<index_t>{2}), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::pick_points(view, 2, std::vector<index_t>{1}), gmoe::numeric_error);
}
