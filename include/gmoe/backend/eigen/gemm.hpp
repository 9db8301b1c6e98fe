#pragma once
/// Matrix products: the one narrow call through which every product of the library goes.

#include <Eigen/Core>
#include <type_traits>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen {

template <class S>
using eigen_map = Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0,
                             Eigen::OuterStride<>>;
template <class S>
using eigen_map_out =
    Eigen::Map<Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0, Eigen::OuterStride<>>;

template <class S>
eigen_map<S> as_eigen(matrix_view<const S> m) {
  return {m.data, m.rows, m.cols, Eigen::OuterStride<>(m.stride)};
}
template <class S>
eigen_map_out<S> as_eigen_out(matrix_view<S> m) {
  return {m.data, m.rows, m.cols, Eigen::OuterStride<>(m.stride)};
}

/// Eigen's packing buffers, taken from the thread's workspace instead of the heap.
template <class S>
class packing : public Eigen::internal::level3_blocking<S, S> {
 public:
  // Eigen's kernel is column-major; a row-major product C = A B runs as C' = B' A', so rows and columns swap.
  packing(index_t rows, index_t cols, index_t depth)
      : sized_(choose_block_sizes(cols, rows, depth)),
        a_(scratch<S>(this->m_mc * this->m_kc)),
        b_(scratch<S>(this->m_kc * this->m_nc)) {
    this->m_blockA = a_;
    this->m_blockB = b_;
  }

 private:
  bool choose_block_sizes(index_t m, index_t n, index_t k) {
    this->m_mc = m;
    this->m_nc = n;
    this->m_kc = k;
    Eigen::internal::computeProductBlockingSizes<S, S>(this->m_kc, this->m_mc, this->m_nc, Eigen::Index{1});
    return true;
  }
  bool sized_;
  scratch_lease<S> a_, b_;
};

/// C = alpha op(A) op(B) + C on one thread; C row-major. Both products of a row-major layout are run transposed.
template <class S, op OpA, op OpB>
void gemm_one_thread(S alpha, matrix_view<const S> a, matrix_view<const S> b, matrix_view<S> c, index_t depth) {
  // Row-major memory read as column-major is the transpose; an operand that is transposed already becomes row-major.
  constexpr int order_b = OpB == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int order_a = OpA == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  packing<S> blocking(c.rows, c.cols, depth);
  Eigen::internal::general_matrix_matrix_product<Eigen::Index, S, order_b, false, S, order_a, false, Eigen::ColMajor,
                                                 1>::run(c.cols, c.rows, depth, b.data, b.stride, a.data, a.stride,
                                                         c.data, 1, c.stride, alpha, blocking, nullptr);
}

template <class S>
struct gemm_kernels {
  /// C = alpha op(A) op(B) + beta C, where C is m x n. `beta` = 0 never reads C. Splits C's longer side over the
  /// threads (each piece is a product of its own on one thread) when the product is large enough to pay.
  static void gemm(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                   matrix_view<S> c) {
    const index_t depth = op_a == op::none ? a.cols : a.rows;
    if (c.rows == 0 || c.cols == 0) return;
    const double work = 2.0 * static_cast<double>(c.rows) * static_cast<double>(c.cols) * static_cast<double>(depth);
    if (work < 4e5 || threads() == 1) return piece(op_a, op_b, alpha, a, b, beta, c);
    if (c.rows >= c.cols / 2 || c.rows >= 512) {
      parallel_ranges(c.rows, 16, [&](index_t begin, index_t end) {
        const auto rows_of_a = op_a == op::none ? a.row_block(begin, end - begin) : a.col_block(begin, end - begin);
        piece(op_a, op_b, alpha, rows_of_a, b, beta, c.row_block(begin, end - begin));
      });
    } else {
      parallel_ranges(c.cols, 16, [&](index_t begin, index_t end) {
        const auto cols_of_b = op_b == op::none ? b.col_block(begin, end - begin) : b.row_block(begin, end - begin);
        piece(op_a, op_b, alpha, a, cols_of_b, beta, c.col_block(begin, end - begin));
      });
    }
  }

  /// The same product on the calling thread alone, for use inside parallel loops.
  static void piece(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                    matrix_view<S> c) {
    const index_t depth = op_a == op::none ? a.cols : a.rows;
    if (c.rows == 0 || c.cols == 0) return;
    auto out = as_eigen_out(c);
    if (beta == S(0)) out.setZero();
    else if (beta != S(1)) out *= beta;
    if (depth == 0) return;
    if (c.rows == 1 && op_a == op::none) {  // one token: read each weight once
      const Eigen::Map<const Eigen::Matrix<S, 1, Eigen::Dynamic>> x(a.data, depth);
      Eigen::Map<Eigen::Matrix<S, 1, Eigen::Dynamic>> y(c.data, c.cols);
      if (op_b == op::none) y.noalias() += alpha * x * as_eigen(b);
      else y.noalias() += alpha * x * as_eigen(b).transpose();
      return;
    }
    if (op_a == op::none && op_b == op::none) gemm_one_thread<S, op::none, op::none>(alpha, a, b, c, depth);
    else if (op_a == op::none) gemm_one_thread<S, op::none, op::transpose>(alpha, a, b, c, depth);
    else if (op_b == op::none) gemm_one_thread<S, op::transpose, op::none>(alpha, a, b, c, depth);
    else gemm_one_thread<S, op::transpose, op::transpose>(alpha, a, b, c, depth);
  }
};

}  // namespace gmoe::eigen
