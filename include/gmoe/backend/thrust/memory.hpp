#pragma once
/// The backend's memory and the visible transfers to and from it.

#include <cstddef>
#include <cstring>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/pool.hpp"
#include "gmoe/backend/thrust/cuda.hpp"
#include "gmoe/backend/thrust/parallel.hpp"

#if GMOE_ON_CUDA
#include "gmoe/backend/thrust/pinned.hpp"
#else
#include "gmoe/backend/eigen/memory.hpp"
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class T>
struct fill_element {
  matrix_view<T> m;
  T value;
  GMOE_HD void operator()(index_t i) const {
    const position at(i, m.cols);
    m(at.row, at.col) = value;
  }
};

template <class S>
struct memory_kernels {
#if GMOE_ON_CUDA
  using memory = device_memory;
  using host_ids = arriving_ids;

  static void upload(void* to, const void* from, std::size_t bytes) { staging::instance().upload(to, from, bytes); }
  /// Waits for the GPU.
  static void download(void* to, const void* from, std::size_t bytes) {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync to the host");
    wait();
  }
  static void copy(void* to, const void* from, std::size_t bytes) {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "cudaMemcpyAsync on the device");
  }
  /// Sends for ids without waiting; reading the result waits.
  static host_ids read_ids(matrix_view<const id_type> ids) { return host_ids(ids); }
#else
  using memory = eigen::host_memory;
  using host_ids = const id_type*;

  static void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static host_ids read_ids(matrix_view<const id_type> ids) { return ids.data; }
#endif

  template <class T>
  static void fill(matrix_view<T> m, T value) {
    for_each_index(m.size(), fill_element<T>{m, value});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
