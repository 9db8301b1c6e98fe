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

/// Products of floats with factors rounded to bfloat16 and sums in float. Those with a side below 64 stay in float:
/// they cost little, and the logits of routers, whose rounding would change choices, are among them.
struct bf16_products {
  static constexpr index_t smallest = 64;
  static constexpr bool covers(index_t m, index_t n, index_t k) { return std::min({m, n, k}) >= smallest; }

  static void multiply(op op_a, op op_b, float alpha, matrix_view<const float> a, matrix_view<const float> b,
                       float beta, matrix_view<float> c, index_t depth) {
#if defined(GMOE_GEMM_ONEDNN)
    if (onednn_has_bf16()) {
      const rounded<std::uint16_t> left(a, alpha), right(b, 1);
      return onednn_matmul(op_a, op_b, left.view, right.view, beta, c, depth);
    }
#endif
    const rounded<float> left(a, alpha), right(b, 1);  // the same numbers, as floats
    gemm_one_thread(op_a, op_b, 1.0f, left.view, right.view, beta, c, depth);
  }

 private:
  static void store(std::uint16_t& to, float x) { to = bf16_bits(x); }
  static void store(float& to, float x) { to = bf16_value(bf16_bits(x)); }

  /// A factor, multiplied by a number and rounded.
  template <class T>
  struct rounded {
    rounded(matrix_view<const float> from, float factor)
        : memory(scratch<T>(from.rows * gemm_kernels<T>::row_stride(from.cols))),
          view{memory, from.rows, from.cols, gemm_kernels<T>::row_stride(from.cols)} {
      for (index_t i = 0; i < from.rows; ++i) {
        const float* const row = from.row(i);
        T* const out = memory + i * view.stride;
#if defined(_OPENMP)
#pragma omp simd
#endif
        for (index_t j = 0; j < from.cols; ++j) store(out[j], factor * row[j]);
      }
    }
    decltype(scratch<T>(index_t{})) memory;
    matrix_view<const T> view;
  };
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
