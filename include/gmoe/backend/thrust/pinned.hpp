#pragma once
/// Device memory, and the page-locked host memory through which small transfers pass without stopping anybody.

#include "gmoe/backend/thrust/cuda.hpp"

#if GMOE_ON_CUDA

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/pool.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Where pooled buffers come from. When the GPU is full, unused buffers of the pool are given up before giving up.
struct device_memory {
  static void* allocate(std::size_t bytes) {
    void* data = nullptr;
    cudaError_t code = cudaMalloc(&data, bytes);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      pool<device_memory>::instance().trim();
      code = cudaMalloc(&data, bytes);
    }
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      std::size_t free = 0, total = 0;
      cudaMemGetInfo(&free, &total);
      throw backend_error(concat("out of GPU memory: cudaMalloc could not allocate ", bytes, " bytes; ", free, " of ",
                                 total, " bytes are free and this process holds ",
                                 pool<device_memory>::instance().statistics().reserved));
    }
    check(code, "cudaMalloc");
    return data;
  }
  static void release(void* data, std::size_t) { check(cudaFree(data), "cudaFree"); }
};

/// Page-locked host memory.
struct pinned_memory {
  static constexpr std::size_t region_bytes = 0;  // no more than is needed: other programs lose it
  static void* allocate(std::size_t bytes) {
    void* data = nullptr;
    const cudaError_t code = cudaMallocHost(&data, bytes);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw backend_error(concat("out of memory: cudaMallocHost could not allocate ", bytes, " bytes"));
    }
    check(code, "cudaMallocHost");
    return data;
  }
  static void release(void* data, std::size_t) { check(cudaFreeHost(data), "cudaFreeHost"); }
};

/// A point in the stream. Events are reused.
class event {
 public:
  event() {
    const std::scoped_lock lock(spare().mutex);
    if (spare().events.empty()) {
      check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    } else {
      event_ = spare().events.back();
      spare().events.pop_back();
    }
  }
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  ~event() {
    const std::scoped_lock lock(spare().mutex);
    spare().events.push_back(event_);
  }
  void record() { check(cudaEventRecord(event_, stream()), "cudaEventRecord"); }
  void wait() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }

 private:
  struct spare_events {
    std::mutex mutex;
    std::vector<cudaEvent_t> events;
  };
  static spare_events& spare() {
    static spare_events* const the_spare = new spare_events;
    return *the_spare;
  }
  cudaEvent_t event_ = nullptr;
};

/// Ids on their way to the host. The copy starts at once, get() waits for it. Copies of a handle share the ids.
class arriving_ids {
 public:
  arriving_ids() = default;
  explicit arriving_ids(matrix_view<const id_type> ids)
      : memory_(static_cast<std::size_t>(ids.size()) * sizeof(id_type)), arrived_(std::make_shared<event>()) {
    check(cudaMemcpyAsync(memory_.data(), ids.data, static_cast<std::size_t>(ids.size()) * sizeof(id_type),
                          cudaMemcpyDeviceToHost, stream()),
          "cudaMemcpyAsync to the host");
    arrived_->record();
  }
  explicit operator bool() const { return arrived_ != nullptr; }
  const id_type* get() const {
    arrived_->wait();
    return static_cast<const id_type*>(memory_.data());
  }

 private:
  pooled<pinned_memory> memory_;
  std::shared_ptr<event> arrived_;
};

/// Uploads. Small ones (a batch of tokens) are copied to page-locked memory and sent from there, so that the host can
/// prepare the next step while the GPU still works on the last; large ones (parameters) wait.
class staging {
 public:
  static staging& instance() {
    static staging* const the_staging = new staging;
    return *the_staging;
  }
  void upload(void* to, const void* from, std::size_t bytes) {
    if (bytes > slot_bytes) {
      check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync to the device");
      wait();
      return;
    }
    const std::scoped_lock lock(mutex_);
    slot& s = slots_[next_];
    next_ = (next_ + 1) % count;
    s.sent.wait();  // the copy that used this slot last
    std::memcpy(s.memory.data(), from, bytes);
    check(cudaMemcpyAsync(to, s.memory.data(), bytes, cudaMemcpyHostToDevice, stream()),
          "cudaMemcpyAsync to the device");
    s.sent.record();
  }

 private:
  static constexpr std::size_t slot_bytes = std::size_t{1} << 20;
  static constexpr int count = 16;
  struct slot {
    pooled<pinned_memory> memory{slot_bytes};
    event sent;
  };
  std::mutex mutex_;
  slot slots_[count];
  int next_ = 0;
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM

#endif
