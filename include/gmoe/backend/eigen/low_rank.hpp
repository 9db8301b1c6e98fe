#pragma once
/// The best product of two narrow matrices in place of a wide one, on the host.

#include <algorithm>
#include <span>
#include <vector>

#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/backend/eigen/eigen_svd.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// W (n x m) as left (n x r) right (r x m), row-major.
struct low_rank_factors {
  std::vector<double> left, right;
  double lost = 0;  ///< sum of the squares of W - left right
};

/// W = U S V', and of it the first r columns of U S and rows of V': no product of this form is nearer to W in squares
/// (Eckart & Young 1936). Rows of `right` beyond min(n, m) are zeros. Throws config_error if W is not finite.
inline low_rank_factors factor(std::span<const double> w, index_t rows, index_t cols, index_t rank) {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  require(rows >= 1 && cols >= 1 && rank >= 1 && std::ssize(w) == rows * cols, "factor: ", w.size(),
          " numbers as a matrix of ", rows, " x ", cols, ", rank ", rank);
  const Eigen::Map<const row_major> matrix(w.data(), rows, cols);
  require(matrix.allFinite(), "factor: a matrix of ", rows, " x ", cols, " with a number that is not finite");
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const index_t all = std::min(rows, cols), kept = std::min(rank, all);
  low_rank_factors f{std::vector<double>(static_cast<std::size_t>(rows * rank)),
                     std::vector<double>(static_cast<std::size_t>(rank * cols)), 0};
  const auto& s = svd.singularValues();
  Eigen::Map<row_major>(f.left.data(), rows, rank).leftCols(kept) =
      svd.matrixU().leftCols(kept) * s.head(kept).asDiagonal();
  Eigen::Map<row_major>(f.right.data(), rank, cols).topRows(kept) = svd.matrixV().leftCols(kept).transpose();
  f.lost = s.tail(all - kept).squaredNorm();
  return f;
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
