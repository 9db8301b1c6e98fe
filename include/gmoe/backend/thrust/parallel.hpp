#pragma once
/// The backend's two loops: over elements, a worker each, and over rows, a team each.
///
/// Bodies are named function objects whose members are views and numbers, so that the same source runs on the host and
/// on the device. Every result is written by one worker or one team, in a fixed order: a run repeats bit for bit.

#include "gmoe/backend/thrust/system.hpp"  // chooses the device system: before Thrust

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include <cstdint>

#include "gmoe/backend/thrust/cuda.hpp"
#include "gmoe/backend/thrust/policy.hpp"
#include "gmoe/backend/thrust/team.hpp"

#if defined(GMOE_THREADS_PER_ROW)
#include "gmoe/backend/thrust/thread_team.hpp"
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Row and column of element `i` of a matrix with `cols` columns.
struct position {
  index_t row, col;
  GMOE_HD position(index_t i, index_t cols) {
    if (i <= 0xffffffff && cols <= 0xffffffff) {  // a GPU divides long integers slowly
      const auto n = static_cast<std::uint32_t>(i), d = static_cast<std::uint32_t>(cols), q = n / d;
      row = q;
      col = n - q * d;
    } else {
      row = i / cols;
      col = i - row * cols;
    }
  }
};

/// y = value + beta y, where beta = 0 does not read y.
template <class S>
GMOE_HD inline void put(S& y, S beta, S value) {
  y = beta == S(0) ? value : value + beta * y;
}

/// f(i) for i in [0, count), in any order.
template <class F>
void for_each_index(index_t count, const F& f) {
  if (count <= 0) return;
  translating_errors("thrust::for_each_n",
                     [&] { ::thrust::for_each_n(policy(), ::thrust::counting_iterator<index_t>(0), count, f); });
}

#if GMOE_ON_CUDA

template <int Threads, class F>
__global__ void __launch_bounds__(block_threads) row_kernel(index_t rows, F f) {
  constexpr int teams = block_threads / Threads;
  const index_t row = static_cast<index_t>(blockIdx.x) * teams + threadIdx.x / Threads;
  if (row < rows) f(team<Threads>{}, row);
}

/// f(team, i) for i in [0, rows), where rows have `width` elements: short ones get a warp, long ones a block.
template <class F>
void for_each_row(index_t rows, index_t width, const F& f) {
  if (rows <= 0) return;
  if (width <= 8 * warp_threads) {
    constexpr index_t teams = block_threads / warp_threads;
    row_kernel<warp_threads>
        <<<static_cast<unsigned>((rows + teams - 1) / teams), block_threads, 0, stream()>>>(rows, f);
  } else {
    row_kernel<block_threads><<<static_cast<unsigned>(rows), block_threads, 0, stream()>>>(rows, f);
  }
  check(cudaPeekAtLastError(), "launching a row kernel");
}

#elif defined(GMOE_THREADS_PER_ROW)

template <class F>
void for_each_row(index_t rows, index_t /*width*/, const F& f) {
  thread_team<GMOE_THREADS_PER_ROW>::for_each_row(rows, f);
}

#else

template <class F>
struct row_of_one_worker {
  F f;
  void operator()(index_t row) const { f(one_worker{}, row); }
};

template <class F>
void for_each_row(index_t rows, index_t /*width*/, const F& f) {
  for_each_index(rows, row_of_one_worker<F>{f});
}

#endif

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
