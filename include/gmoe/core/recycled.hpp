#pragma once
/// Vectors whose memory comes back: what every pass makes anew takes nothing from the heap in the steady state.

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <vector>

namespace gmoe {

namespace detail {

/// Freed blocks of this thread by powers of two.
class recycled_blocks {
 public:
  static void* take(std::size_t bytes) {
    const std::size_t kind = kind_of(bytes);
    recycled_blocks* const mine = of_this_thread();
    if (mine == nullptr || mine->free_[kind] == nullptr) return ::operator new (std::size_t{1} << kind);
    void* const memory = mine->free_[kind];
    mine->free_[kind] = *static_cast<void**>(memory);
    return memory;
  }
  static void give_back(void* memory, std::size_t bytes) noexcept {
    recycled_blocks* const mine = of_this_thread();
    if (mine == nullptr) return ::operator delete(memory);
    void*& head = mine->free_[kind_of(bytes)];
    *static_cast<void**>(memory) = head;
    head = memory;
  }

 private:
  static std::size_t kind_of(std::size_t bytes) {
    return static_cast<std::size_t>(std::bit_width(bytes < sizeof(void*) ? sizeof(void*) - 1 : bytes - 1));
  }
  /// Null when the thread is over: what outlives it goes back to the heap.
  static recycled_blocks* of_this_thread() {
    static thread_local bool over = false;
    static thread_local struct holder {
      recycled_blocks blocks;
      ~holder() {
        over = true;
        for (void* head : blocks.free_)
          while (head != nullptr) {
            void* const next = *static_cast<void**>(head);
            ::operator delete(head);
            head = next;
          }
      }
    } mine;
    return over ? nullptr : &mine.blocks;
  }

  std::array<void*, 64> free_{};
};

}  // namespace detail

template <class T>
struct recycling_allocator {
  using value_type = T;
  recycling_allocator() = default;
  template <class U>
  recycling_allocator(const recycling_allocator<U>&) noexcept {}
  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(detail::recycled_blocks::take(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept { detail::recycled_blocks::give_back(p, n * sizeof(T)); }
  friend bool operator==(const recycling_allocator&, const recycling_allocator&) { return true; }
};

/// A vector that takes its memory from what other ones of its thread left.
template <class T>
using recycled_vector = std::vector<T, recycling_allocator<T>>;

}  // namespace gmoe
