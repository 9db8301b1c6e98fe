#pragma once
/// Scratch memory of a kernel: one growing buffer per thread, reused from call to call.

#include <cstddef>

#include "gmoe/backend/eigen/memory.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// A per-thread stack of scratch memory. Take with scratch<T>(count); freed in reverse order by scope.
class workspace {
  struct chunk {
    chunk *older, *newer;
    std::size_t capacity;
  };

 public:
  static workspace& of_this_thread() {
    thread_local workspace the_workspace;
    return the_workspace;
  }
  workspace() = default;
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;
  ~workspace() {
    while (chunks_ != nullptr) {
      chunk* const older = chunks_->older;
      host_memory::release(chunks_, 0);
      chunks_ = older;
    }
  }

  /// A block of scratch, given back when it goes out of scope.
  template <class T>
  class lease {
   public:
    lease(workspace& w, index_t count) : workspace_(w), mark_chunk_(w.top_), mark_used_(w.used_) {
      data_ = static_cast<T*>(w.take(static_cast<std::size_t>(count) * sizeof(T)));
    }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() {
      workspace_.top_ = mark_chunk_;
      workspace_.used_ = mark_used_;
    }
    T* data() const { return data_; }
    operator T*() const { return data_; }

   private:
    workspace& workspace_;
    T* data_;
    chunk* mark_chunk_;
    std::size_t mark_used_;
  };

 private:
  static constexpr std::size_t header = 64;

  void* take(std::size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    while (top_ == nullptr || used_ + bytes > top_->capacity) {
      chunk* const next = top_ == nullptr ? chunks_first_ : top_->newer;
      top_ = next != nullptr ? next : grow(bytes);
      used_ = 0;
    }
    void* const data = reinterpret_cast<char*>(top_) + header + used_;
    used_ += bytes;
    return data;
  }
  chunk* grow(std::size_t bytes) {
    std::size_t capacity = std::size_t{1} << 20;
    while (capacity < bytes) capacity *= 2;
    auto* c = static_cast<chunk*>(host_memory::allocate(header + capacity));
    *c = {chunks_, nullptr, capacity};
    if (chunks_ != nullptr) chunks_->newer = c;
    if (chunks_first_ == nullptr) chunks_first_ = c;
    chunks_ = c;
    return c;
  }

  chunk *chunks_ = nullptr, *chunks_first_ = nullptr, *top_ = nullptr;
  std::size_t used_ = 0;
};

/// `count` elements of uninitialised scratch memory of this thread.
template <class T>
using scratch_lease = workspace::lease<T>;
template <class T>
scratch_lease<T> scratch(index_t count) {
  return scratch_lease<T>(workspace::of_this_thread(), count);
}

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
