#pragma once
/// Pooled memory: what is returned waits for reuse, so that a program that repeats the same work (a training step)
/// allocates in its first rounds and never again.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>

#include "gmoe/backend/free_blocks.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// What a pool has handed out, in bytes.
struct pool_statistics {
  std::size_t in_use = 0;    ///< held by live buffers
  std::size_t peak = 0;      ///< the largest `in_use` since the start or the last reset_peak()
  std::size_t reserved = 0;  ///< taken from the system, in use or waiting for reuse
  std::size_t system_allocations = 0;
};

/// A pool over `Memory`, which offers `static void* allocate(std::size_t bytes)` and `release(void*, bytes)`, and may
/// say how large a region is (`region_bytes`). Small buffers are kept by size. Large ones are cut from regions and
/// joined again, so that the room of activations serves gradients later. Thread-safe. Memory is returned to the system
/// only by trim().
template <class Memory>
class pool {
 public:
  using block = memory_block;
  static constexpr std::size_t large = std::size_t{256} << 10;  ///< the smallest that is cut from a region
  /// Of a region; who asks for more than a quarter gets a region of its own.
  static constexpr std::size_t region_bytes = [] {
    if constexpr (requires { Memory::region_bytes; })
      return std::size_t{Memory::region_bytes};
    else
      return std::size_t{128} << 20;
  }();

  /// The pool of this memory. Never destroyed: buffers may outlive every static object.
  static pool& instance() {
    static pool* const the_pool = new pool;
    return *the_pool;
  }

  block* take(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
    const bool cut = bytes >= large;
    bytes = cut ? (bytes + page - 1) / page * page : size_class::bytes_of(size_class::above(bytes));
    for (;;) {
      {
        const std::scoped_lock lock(mutex_);
        free_blocks& from = cut ? pieces_ : whole_;
        // Small buffers are of one size per class. Where none of its own waits, a request takes one of up to twice the
        // size: what has another size in every step then finds what a larger one left.
        if (block* b = from.find(bytes); b != nullptr && (cut || b->bytes <= 2 * bytes)) {
          block* const rest = cut && b->bytes - bytes >= smallest_rest ? spare() : nullptr;
          from.remove(b);
          if (rest != nullptr) cut_off(b, bytes, rest);
          b->references.store(1, std::memory_order_relaxed);
          statistics_.in_use += b->bytes;
          statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
          return b;
        }
      }
      grow(bytes, cut);
    }
  }

  void give_back(block* b) {
    const std::scoped_lock lock(mutex_);
    statistics_.in_use -= b->bytes;
    if (!b->in_region) return whole_.insert(b);
    if (b->left != nullptr && b->left->is_free) b = join(b->left, b);
    if (b->right != nullptr && b->right->is_free) b = join(b, b->right);
    pieces_.insert(b);
  }

  /// Returns to the system what is not in use: small buffers and whole regions.
  void trim() {
    const std::scoped_lock lock(mutex_);
    whole_.each([&](block* b) { release(whole_, b); });
    pieces_.each([&](block* b) {
      if (b->left == nullptr && b->right == nullptr) release(pieces_, b);
    });
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
  static constexpr std::size_t page = 4096, smallest_rest = std::size_t{64} << 10;

  /// Memory from the system, as a free block. Not under the lock: a memory that is exhausted may trim this pool.
  void grow(std::size_t bytes, bool region) {
    std::size_t wanted = region && bytes <= region_bytes / 4 ? region_bytes : bytes;
    block* const b = new_block();
    try {
      b->data = allocate(wanted, bytes);
    } catch (...) {
      keep(b);
      throw;
    }
    b->bytes = wanted;
    b->in_region = region;
    const std::scoped_lock lock(mutex_);
    statistics_.reserved += wanted;
    ++statistics_.system_allocations;
    (region ? pieces_ : whole_).insert(b);
  }
  /// `wanted` bytes, or `enough` if there are not so many; sets `wanted` to what it got.
  static void* allocate(std::size_t& wanted, std::size_t enough) {
    if (wanted > enough) {
      try {
        return Memory::allocate(wanted);
      } catch (...) {
        wanted = enough;
      }
    }
    return Memory::allocate(wanted);
  }

  /// Cuts b down to `bytes`; `rest` becomes the free block beside it.
  void cut_off(block* b, std::size_t bytes, block* rest) {
    rest->data = static_cast<char*>(b->data) + bytes;
    rest->bytes = b->bytes - bytes;
    rest->in_region = true;
    rest->left = b;
    rest->right = b->right;
    if (b->right != nullptr) b->right->left = rest;
    b->right = rest;
    b->bytes = bytes;
    pieces_.insert(rest);
  }
  /// Makes one block of two neighbours, of which at least one is in the list of free ones.
  block* join(block* left, block* right) {
    for (block* b : {left, right})
      if (b->is_free) pieces_.remove(b);
    left->bytes += right->bytes;
    left->right = right->right;
    if (right->right != nullptr) right->right->left = left;
    right->next = spare_;
    spare_ = right;
    return left;
  }
  void release(free_blocks& from, block* b) {
    from.remove(b);
    statistics_.reserved -= b->bytes;
    Memory::release(b->data, b->bytes);
    delete b;
  }

  block* new_block() {
    const std::scoped_lock lock(mutex_);
    return spare();
  }
  void keep(block* b) {
    const std::scoped_lock lock(mutex_);
    b->next = spare_;
    spare_ = b;
  }
  /// A block without memory. Many are made at a time: how many pieces regions are in differs from step to step where
  /// sizes do.
  block* spare() {
    for (int missing = spare_ == nullptr ? 64 : 0; missing > 0; --missing) {
      block* const b = new block;
      b->next = spare_;
      spare_ = b;
    }
    block* const b = spare_;
    spare_ = b->next;
    b->data = nullptr;
    b->bytes = 0;
    b->next = b->previous = b->left = b->right = nullptr;
    b->in_region = b->is_free = false;
    return b;
  }

  mutable std::mutex mutex_;
  free_blocks whole_, pieces_;
  block* spare_ = nullptr;  ///< blocks without memory, for the next cut
  pool_statistics statistics_;
};

/// Shared ownership of one pooled buffer: copying a handle shares the buffer.
template <class Memory>
class pooled {
  using block = memory_block;

 public:
  pooled() = default;
  explicit pooled(std::size_t bytes) : block_(bytes == 0 ? nullptr : pool<Memory>::instance().take(bytes)) {}
  pooled(const pooled& other) : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  pooled(pooled&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  pooled& operator=(pooled other) noexcept {
    block* const mine = block_;
    block_ = other.block_;
    other.block_ = mine;
    return *this;
  }
  ~pooled() {
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
