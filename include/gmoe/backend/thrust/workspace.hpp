#pragma once
/// Scratch memory of a kernel: a buffer of the pool, given back when it goes out of scope.

#include "gmoe/backend/pool.hpp"
#include "gmoe/backend/thrust/memory.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// `count` elements of uninitialised memory of the backend.
template <class T>
class scratch {
 public:
  explicit scratch(index_t count) : memory_(static_cast<std::size_t>(count) * sizeof(T)) {}
  T* data() const { return static_cast<T*>(memory_.data()); }
  operator T*() const { return data(); }

 private:
  pooled<typename memory_kernels<T>::memory> memory_;
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
