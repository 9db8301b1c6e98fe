#pragma once
/// `GMOE_CPU_BUILD`: a name for what the flags of a translation unit make of the CPU backend.
///
/// Who multiplies, the vector registers that Eigen sees, and OpenMP change what inline functions do and how large types
/// are. Two translation units of one program may differ in them, but of functions with one name the linker keeps one.
/// So everything of the backend, its class too, lies in an inline namespace of this name: `gmoe::cpu<float>` is as many
/// types as there are builds, and so is every function and class over it. Each translation unit runs what it was
/// compiled for; a function with such a type in its signature links only where caller and definition agree.

#include "gmoe/backend/eigen/eigen.hpp"

#if defined(GMOE_GEMM_ONEDNN)
#define GMOE_CPU_PRODUCTS onednn
#elif defined(GMOE_GEMM_BLAS)
#define GMOE_CPU_PRODUCTS blas
#else
#define GMOE_CPU_PRODUCTS eigen
#endif

#if defined(EIGEN_VECTORIZE_AVX512DQ)
#define GMOE_CPU_VECTORS avx512dq
#elif defined(EIGEN_VECTORIZE_AVX512)
#define GMOE_CPU_VECTORS avx512
#elif defined(EIGEN_VECTORIZE_AVX2)
#define GMOE_CPU_VECTORS avx2
#elif defined(EIGEN_VECTORIZE_AVX)
#define GMOE_CPU_VECTORS avx
#elif defined(EIGEN_VECTORIZE_SSE4_1)
#define GMOE_CPU_VECTORS sse4
#elif defined(EIGEN_VECTORIZE_SSE)
#define GMOE_CPU_VECTORS sse
#elif defined(EIGEN_VECTORIZE)
#define GMOE_CPU_VECTORS vectors
#else
#define GMOE_CPU_VECTORS scalars
#endif

#if defined(EIGEN_VECTORIZE_FMA)
#define GMOE_CPU_SUMS fma
#else
#define GMOE_CPU_SUMS nofma
#endif

#if EIGEN_MAX_ALIGN_BYTES >= 64
#define GMOE_CPU_ALIGNMENT align64
#elif EIGEN_MAX_ALIGN_BYTES >= 32
#define GMOE_CPU_ALIGNMENT align32
#elif EIGEN_MAX_ALIGN_BYTES >= 16
#define GMOE_CPU_ALIGNMENT align16
#else
#define GMOE_CPU_ALIGNMENT unaligned
#endif

#if EIGEN_FAST_MATH
#define GMOE_CPU_FORMULAS fast
#else
#define GMOE_CPU_FORMULAS exact
#endif

#if defined(_OPENMP)
#define GMOE_CPU_THREADS openmp
#else
#define GMOE_CPU_THREADS serial
#endif

#define GMOE_CPU_JOINED(products, vectors, sums, alignment, formulas, threads) \
  by_##products##_##vectors##_##sums##_##alignment##_##formulas##_##threads
#define GMOE_CPU_JOIN(...) GMOE_CPU_JOINED(__VA_ARGS__)
/// Such as by_eigen_avx512dq_fma_align64_fast_openmp.
#define GMOE_CPU_BUILD                                                                                     \
  GMOE_CPU_JOIN(GMOE_CPU_PRODUCTS, GMOE_CPU_VECTORS, GMOE_CPU_SUMS, GMOE_CPU_ALIGNMENT, GMOE_CPU_FORMULAS, \
                GMOE_CPU_THREADS)
