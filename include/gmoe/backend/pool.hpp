#pragma once
/// Pooled memory: buffers are taken from, and returned to, free lists by size class, so that a program that
/// repeats the same work (a training step) allocates in its first round and never again.

#include <atomic>
#include <bit>
#include <cstddef>
#include <mutex>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// What a pool has handed out, in bytes.
struct pool_statistics {
  std::size_t in_use = 0;    ///< held by live buffers
  std::size_t peak = 0;      ///< the largest `in_use` since the start or the last reset_peak()
  std::size_t reserved = 0;  ///< taken from the system, in use or waiting for reuse
  std::size_t system_allocations = 0;
};

/// A pool over `Memory`, which offers `static void* allocate(std::size_t bytes)` and `release(void*, bytes)`.
/// Thread-safe. Buffers are returned to the system only by trim().
template <class Memory>
class pool {
 public:
  /// One buffer with its reference count; `next` links free ones.
  struct block {
    void* data = nullptr;
    std::size_t bytes = 0;
    std::atomic<int> references{0};
    block* next = nullptr;
  };

  /// The pool of this memory. Never destroyed: buffers may outlive every static object.
  static pool& instance() {
    static pool* const the_pool = new pool;
    return *the_pool;
  }

  block* take(std::size_t bytes) {
    const int size_class = class_of(bytes);
    const std::size_t rounded = bytes_of(size_class);
    {
      const std::scoped_lock lock(mutex_);
      if (block* b = free_[size_class]) {
        free_[size_class] = b->next;
        b->references.store(1, std::memory_order_relaxed);
        count_in(rounded);
        return b;
      }
    }
    block* b = new block;
    try {
      b->data = Memory::allocate(rounded);
    } catch (...) {
      delete b;
      throw;
    }
    b->bytes = rounded;
    b->references.store(1, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    statistics_.reserved += rounded;
    ++statistics_.system_allocations;
    count_in(rounded);
    return b;
  }

  void give_back(block* b) {
    const std::scoped_lock lock(mutex_);
    statistics_.in_use -= b->bytes;
    block*& head = free_[class_of(b->bytes)];
    b->next = head;
    head = b;
  }

  /// Returns every unused buffer to the system.
  void trim() {
    const std::scoped_lock lock(mutex_);
    for (block*& head : free_)
      while (head != nullptr) {
        block* b = head;
        head = b->next;
        statistics_.reserved -= b->bytes;
        Memory::release(b->data, b->bytes);
        delete b;
      }
  }

  pool_statistics statistics() const {
    const std::scoped_lock lock(mutex_);
    return statistics_;
  }
  void reset_peak() {
    const std::scoped_lock lock(mutex_);
    statistics_.peak = statistics_.in_use;
  }

 private:
  // Eight size classes per power of two: at most 1/8 is wasted, and neighbours can share buffers.
  static constexpr int steps = 8;
  static constexpr std::size_t smallest = 256;

  static int class_of(std::size_t bytes) {
    if (bytes <= smallest) return 0;
    const int power = static_cast<int>(std::bit_width(bytes - 1)) - 1;  // 2^power <= bytes-1
    const std::size_t base = std::size_t{1} << power;
    const std::size_t step = base / steps;
    const auto position = static_cast<int>((bytes - base + step - 1) / step);  // 1..8
    return (power - 8) * steps + position;
  }
  static std::size_t bytes_of(int size_class) {
    if (size_class == 0) return smallest;
    const int power = (size_class - 1) / steps + 8;
    const int position = (size_class - 1) % steps + 1;
    return (std::size_t{1} << power) + (std::size_t{1} << power) / steps * static_cast<std::size_t>(position);
  }
  void count_in(std::size_t bytes) {
    statistics_.in_use += bytes;
    if (statistics_.in_use > statistics_.peak) statistics_.peak = statistics_.in_use;
  }

  mutable std::mutex mutex_;
  block* free_[64 * steps] = {};
  pool_statistics statistics_;
};

/// Shared ownership of one pooled buffer: copying a handle shares the buffer.
template <class Memory>
class buffer {
  using block = typename pool<Memory>::block;

 public:
  buffer() = default;
  explicit buffer(std::size_t bytes) : block_(bytes == 0 ? nullptr : pool<Memory>::instance().take(bytes)) {}
  buffer(const buffer& other) : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  buffer(buffer&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  buffer& operator=(buffer other) noexcept {
    block* const mine = block_;
    block_ = other.block_;
    other.block_ = mine;
    return *this;
  }
  ~buffer() {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      pool<Memory>::instance().give_back(block_);
  }

  void* data() const { return block_ ? block_->data : nullptr; }
  /// True when another handle shares the buffer.
  bool shared() const { return block_ && block_->references.load(std::memory_order_relaxed) > 1; }

 private:
  block* block_ = nullptr;
};

}  // namespace gmoe
