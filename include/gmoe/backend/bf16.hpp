#pragma once
/// Mixed precision on the processor: `cpu<float, bf16_products>`.
///
/// Matrix products round their factors to bfloat16 (8 bits of mantissa, the range of float) and sum in float. Weights,
/// gradients, the optimiser, norms, softmax and losses stay in float: the usual recipe of mixed-precision training
/// (Micikevicius et al. 2018; bfloat16: Kalamkar et al. 2019).
///
/// oneDNN multiplies, with the processor's bfloat16 instructions (AVX512-BF16, AMX) where it has them: compile with
/// GMOE_GEMM_ONEDNN (target gmoe::onednn). Without it the same rounding is followed by products in float: the same
/// numbers up to the order of sums, at no gain in speed.

#include "gmoe/backend/cpu.hpp"
#include "gmoe/backend/eigen/bf16_products.hpp"

namespace gmoe::inline GMOE_CPU_BUILD {

using eigen::bf16_products;

static_assert(backend<cpu<float, bf16_products>>);

}  // namespace gmoe::inline GMOE_CPU_BUILD
