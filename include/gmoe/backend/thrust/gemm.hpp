#pragma once
/// Matrix products: one, many of one shape, many of different shapes. cuBLAS on a GPU, Eigen's kernel on the host.

#include <span>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/memory.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/workspace.hpp"

#if GMOE_ON_CUDA
#include "gmoe/backend/thrust/cublas.hpp"
#else
#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Matrices of one shape at regular places: number i inner + j, j < inner, begins at data + i outer_step +
/// (j / sharing) inner_step; its rows are `stride` apart. A product's t-th member is number first + t.
template <class T>
struct family {
  T* data = nullptr;
  index_t stride = 0, inner = 1, outer_step = 0, inner_step = 0, first = 0, sharing = 1;

  GMOE_HD T* at(index_t t) const {
    return data + (first + t) / inner * outer_step + (first + t) % inner / sharing * inner_step;
  }
};

/// C = alpha op(A) op(B) + beta C of one member of a list.
template <class S>
struct product {
  matrix_view<const S> a, b;
  matrix_view<S> c;
};

/// Writes the addresses of the members of three families.
template <class S>
struct list_addresses {
  family<const S> a, b;
  family<S> c;
  const S **a_out, **b_out;
  S** c_out;
  GMOE_HD void operator()(index_t t) const {
    a_out[t] = a.at(t);
    b_out[t] = b.at(t);
    c_out[t] = c.at(t);
  }
};

template <class S>
struct gemm_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static constexpr index_t row_stride(index_t cols) { return cols; }

  /// C = alpha op(A) op(B) + beta C. `beta` = 0 never reads C.
  static void gemm(op op_a, op op_b, S alpha, in a, in b, S beta, out c) {
    if (c.rows == 0 || c.cols == 0) return;
#if GMOE_ON_CUDA
    const index_t depth = op_a == op::none ? a.cols : a.rows;
    if (depth == 0) return for_each_index(c.size(), scale_element{c, beta});
    cublas_products<S>::one(op_a, op_b, alpha, a, b, beta, c, depth);
#else
    eigen::gemm_kernels<S>::gemm(op_a, op_b, alpha, a, b, beta, c);
#endif
  }

  /// `count` products of members of A and B into those of C, each rows x cols.
  static void batch(op op_a, op op_b, S alpha, const family<const S>& a, const family<const S>& b, S beta,
                    const family<S>& c, index_t rows, index_t cols, index_t depth, index_t count) {
#if GMOE_ON_CUDA
    const scratch<const S*> inputs(2 * count);
    const scratch<S*> outputs(count);
    for_each_index(count, list_addresses<S>{a, b, c, inputs.data(), inputs.data() + count, outputs.data()});
    cublas_products<S>::batch(op_a, op_b, alpha, inputs.data(), a.stride, inputs.data() + count, b.stride, beta,
                              outputs.data(), c.stride, rows, cols, depth, count);
#else
    eigen::parallel_tasks(count, [&](index_t t) {
      const bool a_lies = op_a == op::none, b_lies = op_b == op::none;
      eigen::gemm_kernels<S>::piece(
          op_a, op_b, alpha, {a.at(t), a_lies ? rows : depth, a_lies ? depth : rows, a.stride},
          {b.at(t), b_lies ? depth : cols, b_lies ? cols : depth, b.stride}, beta, {c.at(t), rows, cols, c.stride});
    });
#endif
  }

  /// All products of a list; their results must not overlap.
  static void grouped(op op_a, op op_b, S alpha, std::span<const product<S>> products, S beta) {
#if GMOE_ON_CUDA
    if constexpr (cublas_products<S>::has_grouped) {
      // Large products fill the GPU one by one, and then the plain call has the better kernels.
      double work = 0;
      for (const product<S>& p : products)
        work += static_cast<double>(p.c.size()) * static_cast<double>(op_a == op::none ? p.a.cols : p.a.rows);
      if (products.size() > 1 && work < group_below() * static_cast<double>(products.size()))
        return cublas_products<S>::grouped(op_a, op_b, alpha, products, beta);
    }
    for (const product<S>& p : products) gemm(op_a, op_b, alpha, p.a, p.b, beta, p.c);
#else
    eigen::parallel_tasks(static_cast<index_t>(products.size()), [&](index_t i) {
      const product<S>& p = products[static_cast<std::size_t>(i)];
      eigen::gemm_kernels<S>::piece(op_a, op_b, alpha, p.a, p.b, beta, p.c);
    });
#endif
  }

#if GMOE_ON_CUDA
  /// Lists whose products have fewer multiply-adds than this on average go to cuBLAS in one call. 0: never.
  static double& group_below() {
    static double limit = 0x1p31;
    return limit;
  }

  struct scale_element {
    out y;
    S factor;
    GMOE_HD void operator()(index_t i) const {
      const position at(i, y.cols);
      put(y(at.row, at.col), factor, S(0));
    }
  };
#endif
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
