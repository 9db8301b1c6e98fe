#pragma once
/// Who works on one row: a warp or a block on a GPU, one worker on the host. Row algorithms are written for a team:
///
///     for (index_t j = team.first(); j < cols; j += team.step()) part += row[j];   // every worker has its columns
///     const S total = team.sum(part);                                              // the same for all workers
///
/// A worker may read what others wrote to memory only after a reduction in between.

#include "gmoe/backend/thrust/system.hpp"
#include "gmoe/core/host_device.hpp"
#include "gmoe/core/index.hpp"

#if GMOE_ON_CUDA
#include <cub/block/block_reduce.cuh>
#include <cub/util_ptx.cuh>
#include <cub/warp/warp_reduce.cuh>
#endif

/// Marks row algorithms: they run on a GPU only if there is one.
#if GMOE_ON_CUDA
#define GMOE_DEVICE __device__
#else
#define GMOE_DEVICE
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

struct add {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return a + b;
  }
};
struct larger {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return a < b ? b : a;
  }
};

/// What every team offers on top of first(), step() and reduce().
template <class Team>
struct team_sums {
  template <class T>
  GMOE_DEVICE T sum(const T& part) const {
    return self().reduce(part, add{});
  }
  template <class T>
  GMOE_DEVICE T largest(const T& part) const {
    return self().reduce(part, larger{});
  }
  /// One worker of the team.
  GMOE_DEVICE bool leads() const { return self().first() == 0; }

 private:
  GMOE_DEVICE const Team& self() const { return static_cast<const Team&>(*this); }
};

#if GMOE_ON_CUDA

inline constexpr int block_threads = 256;
inline constexpr int warp_threads = 32;

/// `Threads` = 32: a warp, of which a block holds several; else the whole block.
template <int Threads>
struct team : team_sums<team<Threads>> {
  __device__ index_t first() const { return threadIdx.x % Threads; }
  __device__ index_t step() const { return Threads; }

  template <class T, class Op>
  __device__ T reduce(const T& part, const Op& op) const {
    if constexpr (Threads == warp_threads) {
      using warp = cub::WarpReduce<T>;
      __shared__ typename warp::TempStorage storage[block_threads / warp_threads];
      const T result = warp(storage[threadIdx.x / warp_threads]).Reduce(part, op);
      __syncwarp();
      return cub::ShuffleIndex<warp_threads>(result, 0, 0xffffffffu);
    } else {
      using block = cub::BlockReduce<T, Threads>;
      __shared__ typename block::TempStorage storage;
      __shared__ T shared_result;
      const T result = block(storage).Reduce(part, op);
      if (threadIdx.x == 0) shared_result = result;
      __syncthreads();
      const T everyones = shared_result;
      __syncthreads();  // before the next reduction writes
      return everyones;
    }
  }
};

#else

struct one_worker : team_sums<one_worker> {
  index_t first() const { return 0; }
  index_t step() const { return 1; }
  template <class T, class Op>
  T reduce(const T& part, const Op&) const {
    return part;
  }
};

#endif

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
