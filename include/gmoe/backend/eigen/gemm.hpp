#pragma once
/// Matrix products: the one narrow call through which products go, but for those of attention over whole sequences
/// (block_product.hpp). What multiplies a piece on one thread is a policy.

#include <algorithm>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/backend/eigen/gemm_provider.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Products in the backend's own precision, by the provider of gemm_provider.hpp.
struct full_precision {
  /// True if products of an m x k and a k x n matrix are made here, and not in full precision.
  static constexpr bool covers(index_t, index_t, index_t) { return true; }
  /// C = alpha op(A) op(B) + beta C on the calling thread, no size zero; `beta` is 0 (C is never read) or 1.
  template <class S>
  static void multiply(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                       matrix_view<S> c, index_t depth) {
    gemm_one_thread(op_a, op_b, alpha, a, b, beta, c, depth);
  }
};

template <class S, class Products = full_precision>
struct gemm_kernels {
  /// How far apart the rows of a matrix with `cols` columns should lie that is made to be multiplied: at a large power
  /// of two the elements of a column, which products read together, compete for the same few lines of the cache.
  /// Measured: up to 1.5 times as fast as a transposed factor, a little as another.
  static constexpr index_t row_stride(index_t cols) {
    constexpr index_t line = 64 / static_cast<index_t>(sizeof(S));
    return cols % (32 * line) == 0 ? cols + line : cols;
  }

  /// C = alpha op(A) op(B) + beta C, where C is m x n. `beta` = 0 never reads C. Splits C's longer side over the
  /// threads (each piece is a product of its own on one thread) when the product is large enough to pay.
  static void gemm(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                   matrix_view<S> c) {
    const index_t depth = op_a == op::none ? a.cols : a.rows;
    if (c.rows == 0 || c.cols == 0) return;
    if (!Products::covers(c.rows, c.cols, depth)) return gemm_kernels<S>::gemm(op_a, op_b, alpha, a, b, beta, c);
    const double work = 2.0 * static_cast<double>(c.rows) * static_cast<double>(c.cols) * static_cast<double>(depth);
    if (work < 4e5 || threads() == 1) return covered(op_a, op_b, alpha, a, b, beta, c);
    if (c.rows >= c.cols / 2 || c.rows >= 512) {
      parallel_ranges(c.rows, 16, [&](index_t begin, index_t end) {
        const auto rows_of_a = op_a == op::none ? a.row_block(begin, end - begin) : a.col_block(begin, end - begin);
        covered(op_a, op_b, alpha, rows_of_a, b, beta, c.row_block(begin, end - begin));
      });
    } else {
      parallel_ranges(c.cols, 16, [&](index_t begin, index_t end) {
        const auto cols_of_b = op_b == op::none ? b.col_block(begin, end - begin) : b.row_block(begin, end - begin);
        covered(op_a, op_b, alpha, a, cols_of_b, beta, c.col_block(begin, end - begin));
      });
    }
  }

  /// The same product on the calling thread alone, for use inside parallel loops.
  static void piece(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                    matrix_view<S> c) {
    if (Products::covers(c.rows, c.cols, op_a == op::none ? a.cols : a.rows))
      covered(op_a, op_b, alpha, a, b, beta, c);
    else
      gemm_kernels<S>::piece(op_a, op_b, alpha, a, b, beta, c);
  }

 private:
  /// A product, or a part of one, that `Products` makes.
  static void covered(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                      matrix_view<S> c) {
    const index_t depth = op_a == op::none ? a.cols : a.rows;
    if (c.rows == 0 || c.cols == 0) return;
    if (beta != S(0) && beta != S(1)) {
      for (index_t i = 0; i < c.rows; ++i)
        for (index_t j = 0; j < c.cols; ++j) c(i, j) *= beta;
      beta = S(1);
    }
    if (depth == 0) {  // an empty sum; oneDNN would leave C as it is
      if (beta == S(0))
        for (index_t i = 0; i < c.rows; ++i) std::fill_n(c.row(i), c.cols, S(0));
      return;
    }
    if (c.rows == 1 && op_a == op::none)
      one_row(op_b, alpha, a, b, beta, c, depth);
    else
      Products::multiply(op_a, op_b, alpha, a, b, beta, c, depth);
  }

  /// One token: a matrix-vector product reads each weight once.
  static void one_row(op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta, matrix_view<S> c,
                      index_t depth) {
    const Eigen::Map<const Eigen::Matrix<S, 1, Eigen::Dynamic>> x(a.data, depth);
    Eigen::Map<Eigen::Matrix<S, 1, Eigen::Dynamic>> y(c.data, c.cols);
    const Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0, Eigen::OuterStride<>>
        w(b.data, b.rows, b.cols, Eigen::OuterStride<>(b.stride));
    if (beta == S(0)) y.setZero();
    if (op_b == op::none)
      y.noalias() += alpha * x * w;
    else
      y.noalias() += alpha * x * w.transpose();
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
