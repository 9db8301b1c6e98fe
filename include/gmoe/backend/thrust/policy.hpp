#pragma once
/// How Thrust's algorithms are called here: on the backend's stream, with temporary memory from the pool, without
/// waiting, and with their exceptions turned into the library's.

#include "gmoe/backend/thrust/system.hpp"  // chooses the device system: before Thrust

#include <thrust/execution_policy.h>
#include <thrust/system_error.h>

#include "gmoe/backend/thrust/cuda.hpp"
#include "gmoe/core/error.hpp"

#if GMOE_ON_CUDA
#include <map>
#include <mutex>

#include "gmoe/backend/thrust/pinned.hpp"
#endif

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Runs f; an exception of Thrust becomes a backend_error that names the call.
template <class F>
void translating_errors(const char* call, const F& f) {
  try {
    f();
  } catch (const ::thrust::system_error& e) {
    throw backend_error(concat(call, " failed with code ", e.code().value(), ": ", e.what()));
  }
}

#if GMOE_ON_CUDA

/// Thrust's temporary memory. Buffers come back while the GPU still uses them, as everywhere in one stream.
class pooled_temporaries {
  using memory_pool = pool<device_memory>;

 public:
  using value_type = char;
  char* allocate(std::ptrdiff_t bytes) {
    memory_pool::block* const b = memory_pool::instance().take(static_cast<std::size_t>(bytes));
    const std::scoped_lock lock(mutex_);
    taken_[static_cast<char*>(b->data)] = b;
    return static_cast<char*>(b->data);
  }
  void deallocate(char* data, std::size_t) {
    const std::scoped_lock lock(mutex_);
    const auto at = taken_.find(data);
    memory_pool::instance().give_back(at->second);
    taken_.erase(at);
  }

 private:
  std::mutex mutex_;
  std::map<char*, memory_pool::block*> taken_;
};

inline auto policy() {
  static pooled_temporaries* const temporaries = new pooled_temporaries;
  return ::thrust::cuda::par_nosync(*temporaries).on(stream());
}

#else

inline const auto& policy() { return ::thrust::device; }

#endif

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
