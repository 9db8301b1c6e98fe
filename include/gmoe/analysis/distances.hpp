#pragma once
/// Points of a representation space and the distances between them, on the host in double.

#include <cmath>
#include <span>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// n points of `columns` coordinates, row-major.
struct point_set {
  index_t columns = 1;
  std::vector<double> values;

  index_t rows() const { return static_cast<index_t>(values.size()) / columns; }
  std::span<const double> row(index_t i) const { return std::span<const double>(values).subspan(i * columns, columns); }
};

/// The rows `picked` of a matrix with `columns` columns, checked to be finite.
template <class Real>
point_set pick_points(std::span<const Real> matrix, index_t columns, std::span<const index_t> picked) {
  require(columns >= 1 && static_cast<index_t>(matrix.size()) % columns == 0, "pick_points: ", matrix.size(),
          " values are no matrix of ", columns, " columns");
  const index_t rows = static_cast<index_t>(matrix.size()) / columns;
  point_set points{columns, {}};
  for (const index_t row : picked) {
    require(row >= 0 && row < rows, "pick_points: row ", row, " of a matrix with ", rows, " rows");
    for (const Real v : matrix.subspan(row * columns, columns)) {
      require<numeric_error>(std::isfinite(v), "pick_points: row ", row, " holds ", v, ", expected finite values");
      points.values.push_back(static_cast<double>(v));
    }
  }
  return points;
}

inline double euclidean_distance(std::span<const double> a, std::span<const double> b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

/// 1 - cos(a, b), between 0 and 2; 1 when a vector is zero.
inline double cosine_distance(std::span<const double> a, std::span<const double> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? 1 - ab / std::sqrt(aa * bb) : 1.0;
}

enum class distance_kind { euclidean, cosine };

/// All n x n distances, computed once: n^2 / 2 evaluations and 8 n^2 bytes, so meant for samples of some thousands.
class distance_matrix {
 public:
  explicit distance_matrix(const point_set& points, distance_kind kind = distance_kind::euclidean)
      : rows_(points.rows()), values_(rows_ * rows_, 0.0) {
    const auto distance = kind == distance_kind::euclidean ? euclidean_distance : cosine_distance;
    for (index_t i = 0; i < rows_; ++i)
      for (index_t j = i + 1; j < rows_; ++j)
        values_[i * rows_ + j] = values_[j * rows_ + i] = distance(points.row(i), points.row(j));
  }

  index_t rows() const { return rows_; }
  double operator()(index_t i, index_t j) const { return values_[i * rows_ + j]; }

 private:
  index_t rows_;
  std::vector<double> values_;
};

}  // namespace gmoe
