#pragma once
/// Which of Thrust's device systems a translation unit is compiled for: CUDA under nvcc, else one of the host systems.
///
/// A host compiler gets OpenMP's system where OpenMP is on, else the serial one, unless THRUST_DEVICE_SYSTEM says
/// otherwise. Two host systems must not meet in one program: Thrust's own functions have the same names in both.
/// Everything of this backend lies in an inline namespace named after the system, so that host and CUDA can meet. On
/// the host Eigen's kernels multiply, so there its name also says how those are built (eigen/build_tag.hpp).

#if !__has_include(<thrust/version.h>)
#error "gmoe: Thrust's headers were not found: they come with the CUDA Toolkit (include/cccl) or Debian's libthrust-dev"
#endif

#if !defined(__CUDACC__) && !defined(THRUST_DEVICE_SYSTEM)
#if defined(_OPENMP)
#define THRUST_DEVICE_SYSTEM THRUST_DEVICE_SYSTEM_OMP
#else
#define THRUST_DEVICE_SYSTEM THRUST_DEVICE_SYSTEM_CPP
#endif
#endif

#include <thrust/execution_policy.h>
#include <thrust/version.h>

#if defined(__CUDACC__) && THRUST_DEVICE_SYSTEM != THRUST_DEVICE_SYSTEM_CUDA
#error "gmoe: nvcc compiles Thrust's CUDA system only; the host systems are for host compilers"
#elif !defined(__CUDACC__) && THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CUDA
#error \
    "gmoe: Thrust's CUDA system needs nvcc; for a host compiler define THRUST_DEVICE_SYSTEM, such as \
-DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_OMP, or include gmoe/backend/thrust.hpp before other Thrust headers"
#endif

#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CUDA
#define GMOE_ON_CUDA 1
#define GMOE_THRUST_SYSTEM cuda_system
#define GMOE_THRUST_SYSTEM_NAME "thrust (cuda)"
#elif THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_OMP
#define GMOE_ON_CUDA 0
#define GMOE_THRUST_HOST omp
#define GMOE_THRUST_SYSTEM_NAME "thrust (omp)"
#elif THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_TBB
#define GMOE_ON_CUDA 0
#define GMOE_THRUST_HOST tbb
#define GMOE_THRUST_SYSTEM_NAME "thrust (tbb)"
#else
#define GMOE_ON_CUDA 0
#define GMOE_THRUST_HOST cpp
#define GMOE_THRUST_SYSTEM_NAME "thrust (cpp)"
#endif

#if !GMOE_ON_CUDA
#include "gmoe/backend/eigen/build_tag.hpp"

#if defined(GMOE_THREADS_PER_ROW)
#define GMOE_THRUST_ROWS GMOE_THREADS_PER_ROW
#else
#define GMOE_THRUST_ROWS 1
#endif
#define GMOE_THRUST_JOINED(system, threads, products) system##_system_rows##threads##_##products
#define GMOE_THRUST_JOIN(...) GMOE_THRUST_JOINED(__VA_ARGS__)
/// Such as omp_system_rows1_by_eigen_avx2_fma_align32_fast_openmp.
#define GMOE_THRUST_SYSTEM GMOE_THRUST_JOIN(GMOE_THRUST_HOST, GMOE_THRUST_ROWS, GMOE_CPU_BUILD)
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {
inline constexpr const char* system_name = GMOE_THRUST_SYSTEM_NAME;
}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
