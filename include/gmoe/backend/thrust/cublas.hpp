#pragma once
/// Products through cuBLAS, which is column-major: C = A B runs as C' = B' A'.

#include "gmoe/backend/thrust/cuda.hpp"

#if GMOE_ON_CUDA

#include <span>
#include <type_traits>
#include <vector>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/thrust/workspace.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct cublas_products {
  static constexpr cudaDataType_t type = std::is_same_v<S, float> ? CUDA_R_32F : CUDA_R_64F;

  static cublasComputeType_t precision() {
    if constexpr (std::is_same_v<S, double>)
      return CUBLAS_COMPUTE_64F;
    else
      return tf32_allowed() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  }
  static cublasOperation_t operation(op o) { return o == op::none ? CUBLAS_OP_N : CUBLAS_OP_T; }
  static int length(index_t n) {
    require<backend_error>(n <= 0x7fffffff, "cuBLAS: a matrix side of ", n, " does not fit into 32 bits");
    return static_cast<int>(n);
  }

  static void one(op op_a, op op_b, S alpha, matrix_view<const S> a, matrix_view<const S> b, S beta, matrix_view<S> c,
                  index_t depth) {
    check(cublasGemmEx(cublas(), operation(op_b), operation(op_a), length(c.cols), length(c.rows), length(depth),
                       &alpha, b.data, type, length(b.stride), a.data, type, length(a.stride), &beta, c.data, type,
                       length(c.stride), precision(), CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
  }

  /// `count` products of one shape; the arrays of pointers lie on the device.
  static void batch(op op_a, op op_b, S alpha, const S* const* a, index_t a_stride, const S* const* b, index_t b_stride,
                    S beta, S* const* c, index_t c_stride, index_t rows, index_t cols, index_t depth, index_t count) {
    check(cublasGemmBatchedEx(cublas(), operation(op_b), operation(op_a), length(cols), length(rows), length(depth),
                              &alpha, reinterpret_cast<const void* const*>(b), type, length(b_stride),
                              reinterpret_cast<const void* const*>(a), type, length(a_stride), &beta,
                              reinterpret_cast<void* const*>(c), type, length(c_stride), length(count), precision(),
                              CUBLAS_GEMM_DEFAULT),
          "cublasGemmBatchedEx");
  }

#if CUBLAS_VERSION >= 120500
  static constexpr bool has_grouped = true;

  /// Products of different shapes in one call. Sizes are read on the host, pointers on the device.
  template <class Product>
  static void grouped(op op_a, op op_b, S alpha, std::span<const Product> products, S beta) {
    const std::size_t n = products.size();
    const std::vector<cublasOperation_t> first(n, operation(op_b)), second(n, operation(op_a));
    const std::vector<S> alphas(n, alpha), betas(n, beta);
    const std::vector<int> ones(n, 1);
    std::vector<int> m(n), cols(n), depth(n), lda(n), ldb(n), ldc(n);
    std::vector<const void*> pointers(3 * n);
    for (std::size_t i = 0; i < n; ++i) {
      const Product& p = products[i];
      m[i] = length(p.c.cols);
      cols[i] = length(p.c.rows);
      depth[i] = length(op_a == op::none ? p.a.cols : p.a.rows);
      lda[i] = length(p.b.stride);
      ldb[i] = length(p.a.stride);
      ldc[i] = length(p.c.stride);
      pointers[i] = p.b.data;
      pointers[n + i] = p.a.data;
      pointers[2 * n + i] = p.c.data;
    }
    const scratch<const void*> on_device(static_cast<index_t>(3 * n));
    memory_kernels<S>::upload(on_device.data(), pointers.data(), pointers.size() * sizeof(void*));
    const void** const at = on_device.data();
    check(cublasGemmGroupedBatchedEx(cublas(), first.data(), second.data(), m.data(), cols.data(), depth.data(),
                                     alphas.data(), at, type, lda.data(), at + n, type, ldb.data(), betas.data(),
                                     const_cast<void* const*>(at + 2 * n), type, ldc.data(),
                                     length(static_cast<index_t>(n)), ones.data(), precision()),
          "cublasGemmGroupedBatchedEx");
  }
#else
  static constexpr bool has_grouped = false;
#endif
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM

#endif
