#pragma once
/// Who multiplies: C += alpha op(A) op(B) on the calling thread, row-major.
///
/// Eigen by default, from headers alone. Compiled with GMOE_GEMM_ONEDNN (target gmoe::onednn) float products go to
/// oneDNN's sgemm, which is a third faster on AVX-512; with GMOE_GEMM_BLAS (target gmoe::blas) all go to a BLAS. A
/// BLAS must run on one thread: the library cuts its products itself.

#include <algorithm>
#include <type_traits>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"

#if defined(GMOE_GEMM_ONEDNN)
#include <dnnl.h>

#include <new>

#include "gmoe/core/error.hpp"
#elif defined(GMOE_GEMM_BLAS)
#include <cblas.h>
#endif

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Name of the provider, for start banners and benchmarks.
inline constexpr const char* gemm_provider =
#if defined(GMOE_GEMM_ONEDNN)
    "oneDNN";
#elif defined(GMOE_GEMM_BLAS)
    "BLAS";
#else
    "Eigen";
#endif

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

/// By Eigen. Row-major memory read as column-major is the transpose, so the factors change places.
template <class S, op OpA, op OpB>
void gemm_by_eigen(S alpha, matrix_view<const S> a, matrix_view<const S> b, matrix_view<S> c, index_t depth) {
  constexpr int order_b = OpB == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int order_a = OpA == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  packing<S> blocking(c.rows, c.cols, depth);
  Eigen::internal::general_matrix_matrix_product<Eigen::Index, S, order_b, false, S, order_a, false, Eigen::ColMajor,
                                                 1>::run(c.cols, c.rows, depth, b.data, b.stride, a.data, a.stride,
                                                         c.data, 1, c.stride, alpha, blocking, nullptr);
}

/// C = alpha op(A) op(B) + beta C on one thread, sizes not zero; `beta` is 0 (C is never read) or 1.
template <class S>
void gemm_one_thread(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta,
                     matrix_view<S> c, index_t depth) {
  // Who does not multiply is not compiled either.
#if defined(GMOE_GEMM_ONEDNN)
  if constexpr (std::is_same_v<S, float>) {
    const auto letter = [](op o) { return o == op::none ? 'N' : 'T'; };
    const dnnl_status_t status = dnnl_sgemm(letter(op_a), letter(op_b), c.rows, c.cols, depth, alpha, a.data, a.stride,
                                            b.data, b.stride, beta, c.data, c.stride);
    if (status == dnnl_out_of_memory) throw std::bad_alloc();
    require<backend_error>(status == dnnl_success, "dnnl_sgemm failed with status ", static_cast<int>(status));
  } else
#elif defined(GMOE_GEMM_BLAS)
  const auto letter = [](op o) { return o == op::none ? CblasNoTrans : CblasTrans; };
  const auto n = [](index_t x) { return static_cast<int>(x); };
  if constexpr (std::is_same_v<S, float>) {
    cblas_sgemm(CblasRowMajor, letter(op_a), letter(op_b), n(c.rows), n(c.cols), n(depth), alpha, a.data, n(a.stride),
                b.data, n(b.stride), beta, c.data, n(c.stride));
  } else if constexpr (std::is_same_v<S, double>) {
    cblas_dgemm(CblasRowMajor, letter(op_a), letter(op_b), n(c.rows), n(c.cols), n(depth), alpha, a.data, n(a.stride),
                b.data, n(b.stride), beta, c.data, n(c.stride));
  } else
#endif
  {
    if (beta == S(0))
      for (index_t i = 0; i < c.rows; ++i) std::fill_n(c.row(i), c.cols, S(0));
    if (op_a == op::none && op_b == op::none)
      gemm_by_eigen<S, op::none, op::none>(alpha, a, b, c, depth);
    else if (op_a == op::none)
      gemm_by_eigen<S, op::none, op::transpose>(alpha, a, b, c, depth);
    else if (op_b == op::none)
      gemm_by_eigen<S, op::transpose, op::none>(alpha, a, b, c, depth);
    else
      gemm_by_eigen<S, op::transpose, op::transpose>(alpha, a, b, c, depth);
  }
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
