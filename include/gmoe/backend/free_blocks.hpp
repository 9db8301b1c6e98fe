#pragma once
/// Free memory in lists by size, the bookkeeping of pool.hpp.

#include <atomic>
#include <bit>
#include <cstddef>

namespace gmoe {

/// A piece of memory with its reference count. Pieces of a region know their neighbours, with which they are joined
/// when both are free.
struct memory_block {
  void* data = nullptr;
  std::size_t bytes = 0;
  std::atomic<int> references{0};
  memory_block *next = nullptr, *previous = nullptr;  ///< in its list
  memory_block *left = nullptr, *right = nullptr;     ///< in its region
  bool in_region = false, is_free = false;
};

/// Eight size classes per power of two: at most 1/8 is wasted where sizes are rounded up to the next class.
namespace size_class {

inline constexpr int steps = 8;
inline constexpr std::size_t smallest = 256;
inline constexpr int count = 57 * steps;

/// The first class with at least `bytes`.
inline int above(std::size_t bytes) {
  if (bytes <= smallest) return 0;
  const int power = static_cast<int>(std::bit_width(bytes - 1)) - 1;  // 2^power <= bytes - 1
  const std::size_t base = std::size_t{1} << power, step = base / steps;
  return (power - 8) * steps + static_cast<int>((bytes - base + step - 1) / step);
}
inline std::size_t bytes_of(int number) {
  if (number == 0) return smallest;
  const int power = (number - 1) / steps + 8, position = (number - 1) % steps + 1;
  return (std::size_t{1} << power) + (std::size_t{1} << power) / steps * static_cast<std::size_t>(position);
}
/// The last class with at most `bytes`.
inline int below(std::size_t bytes) {
  const int number = above(bytes);
  return number > 0 && bytes_of(number) > bytes ? number - 1 : number;
}

}  // namespace size_class

/// Free blocks by the last size class that they fill. Does not own them.
class free_blocks {
 public:
  void insert(memory_block* b) {
    b->is_free = true;
    b->previous = nullptr;
    memory_block*& head = lists_[size_class::below(b->bytes)];
    b->next = head;
    if (head != nullptr) head->previous = b;
    head = b;
  }
  void remove(memory_block* b) {
    b->is_free = false;
    if (b->previous != nullptr)
      b->previous->next = b->next;
    else
      lists_[size_class::below(b->bytes)] = b->next;
    if (b->next != nullptr) b->next->previous = b->previous;
    b->next = b->previous = nullptr;
  }
  /// A block of at least `bytes`, of nearly that size if there is one, or null. It stays in its list.
  memory_block* find(std::size_t bytes) const {
    const int nearest = size_class::below(bytes);
    for (memory_block* b = lists_[nearest]; b != nullptr; b = b->next)
      if (b->bytes >= bytes) return b;
    for (int larger = nearest + 1; larger < size_class::count; ++larger)
      if (lists_[larger] != nullptr) return lists_[larger];
    return nullptr;
  }
  /// Calls visit(block) for every block; it may remove and delete the block.
  void each(auto&& visit) {
    for (memory_block* b : lists_)
      while (b != nullptr) {
        memory_block* const next = b->next;
        visit(b);
        b = next;
      }
  }

 private:
  memory_block* lists_[size_class::count] = {};
};

}  // namespace gmoe
