#pragma once
/// Both cores busy: loops over rows or tasks, through OpenMP where the compiler has it, else serial.
///
/// Work is cut in the same way for the same number of threads, and every result is written by one thread, so a
/// run repeats bit for bit.

#include <algorithm>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Threads that a parallel loop started here would use: 1 inside another parallel loop.
inline int threads() {
#if defined(_OPENMP)
  return omp_in_parallel() ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

/// Sets the number of threads for all following work of this process.
inline void set_threads([[maybe_unused]] int count) {
#if defined(_OPENMP)
  omp_set_num_threads(std::max(count, 1));
#endif
}

/// Number of the calling thread within the running loop, 0-based.
inline int thread_number() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

/// Calls f(begin, end) on contiguous pieces of [0, count), one per thread, none smaller than `grain`.
template <class F>
void parallel_ranges(index_t count, index_t grain, const F& f) {
  if (count <= 0) return;
  const index_t pieces = std::clamp<index_t>(count / std::max<index_t>(grain, 1), 1, threads());
  if (pieces == 1) return f(index_t{0}, count);
#if defined(_OPENMP)
#pragma omp parallel for num_threads(static_cast <int>(pieces)) schedule(static, 1)
  for (index_t p = 0; p < pieces; ++p) f(count * p / pieces, count * (p + 1) / pieces);
#endif
}

/// Calls f(task) for every task in [0, count), whichever thread is free next. Put the longest first.
template <class F>
void parallel_tasks(index_t count, const F& f) {
#if defined(_OPENMP)
  if (count > 1 && threads() > 1) {
#pragma omp parallel for schedule(dynamic, 1)
    for (index_t task = 0; task < count; ++task) f(task);
    return;
  }
#endif
  for (index_t task = 0; task < count; ++task) f(task);
}

/// Rows per piece that make a row-wise loop worth a second thread: about 16 KiB of floats.
inline index_t row_grain(index_t cols) { return std::max<index_t>(1, 4096 / std::max<index_t>(cols, 1)); }

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
