#pragma once
/// The policy behind backend/bf16.hpp: rounding to bfloat16, and the product of rounded factors.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/onednn_matmul.hpp"
#include "gmoe/backend/eigen/workspace.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// The upper half of the float that is nearest to x among those whose lower half is zero; ties to even, NaN stays NaN.
inline std::uint16_t bf16_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, quiet_nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}
inline float bf16_value(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

#if defined(GMOE_GEMM_ONEDNN)
using bf16_factor = std::uint16_t;
inline bf16_factor rounded_to_bf16(float x) { return bf16_bits(x); }
#else
using bf16_factor = float;
inline bf16_factor rounded_to_bf16(float x) { return bf16_value(bf16_bits(x)); }
#endif

/// Products of floats with factors rounded to bfloat16 and sums in float. Those with a side below 64 stay in float:
/// they cost little, and the logits of routers, whose rounding would change choices, are among them.
struct bf16_products {
  static constexpr index_t smallest = 64;
  static constexpr bool covers(index_t m, index_t n, index_t k) { return std::min({m, n, k}) >= smallest; }

  static void multiply(op op_a, op op_b, float alpha, matrix_view<const float> a, matrix_view<const float> b,
                       float beta, matrix_view<float> c, index_t depth) {
    const index_t left_stride = gemm_kernels<bf16_factor>::row_stride(a.cols);
    const index_t right_stride = gemm_kernels<bf16_factor>::row_stride(b.cols);
    const auto left = scratch<bf16_factor>(a.rows * left_stride), right = scratch<bf16_factor>(b.rows * right_stride);
    const matrix_view<bf16_factor> l{left, a.rows, a.cols, left_stride}, r{right, b.rows, b.cols, right_stride};
    round(l, a, alpha);
    round(r, b, 1);
    const matrix_view<const bf16_factor> x = l, y = r;
#if defined(GMOE_GEMM_ONEDNN)
    onednn_matmul(op_a, op_b, x, y, beta, c, depth);
#else
    gemm_one_thread(op_a, op_b, 1.0f, x, y, beta, c, depth);
#endif
  }

 private:
  static void round(matrix_view<bf16_factor> to, matrix_view<const float> from, float factor) {
    for (index_t i = 0; i < from.rows; ++i) {
      const float* const row = from.row(i);
      bf16_factor* const out = to.row(i);
#if defined(_OPENMP)
#pragma omp simd
#endif
      for (index_t j = 0; j < from.cols; ++j) out[j] = rounded_to_bf16(factor * row[j]);
    }
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
