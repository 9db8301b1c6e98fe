#pragma once
/// The best product of two narrow matrices in place of a wide one, on the host.

#include <algorithm>
#include <span>
#include <vector>

#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/backend/eigen/eigen_eigenvalues.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// W (n x m) as left (n x r) right (r x m), row-major.
struct low_rank_factors {
  std::vector<double> left, right;
  double lost = 0;  ///< sum of the squares of W - left right
};

/// W V_r and V_r', with the singular vectors V_r of W (eigenvectors of W' W) that belong to its r largest singular
/// values: no product of this form is nearer to W in squares (Eckart & Young 1936). Rows of `right` beyond min(n, m)
/// are zeros. Throws config_error if W is not finite.
inline low_rank_factors factor(std::span<const double> w, index_t rows, index_t cols, index_t rank) {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  require(rows >= 1 && cols >= 1 && rank >= 1 && std::ssize(w) == rows * cols, "factor: ", w.size(),
          " numbers as a matrix of ", rows, " x ", cols, ", rank ", rank);
  const Eigen::Map<const row_major> matrix(w.data(), rows, cols);
  require(matrix.allFinite(), "factor: a matrix of ", rows, " x ", cols, " with a number that is not finite");
  // V is orthonormal to the last digits however many of its vectors belong to nothing, so that with all of them nothing
  // is lost.
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> of_squares(matrix.transpose() * matrix);
  const index_t kept = std::min({rank, rows, cols});
  low_rank_factors f{std::vector<double>(static_cast<std::size_t>(rows * rank)),
                     std::vector<double>(static_cast<std::size_t>(rank * cols)), 0};
  Eigen::Map<row_major> left(f.left.data(), rows, rank), right(f.right.data(), rank, cols);
  right.topRows(kept) = of_squares.eigenvectors().rightCols(kept).transpose().colwise().reverse();  // largest first
  left.noalias() = matrix * right.transpose();
  f.lost = (matrix - left * right).squaredNorm();
  return f;
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
