#pragma once
/// A random order.

#include <cstddef>
#include <utility>
#include <vector>

#include "gmoe/core/random.hpp"

namespace gmoe {

/// A random permutation of `items` (Fisher-Yates), the same for the same stream.
template <class T>
std::vector<T> shuffled(std::vector<T> items, const random_stream& stream) {
  for (std::size_t left = items.size(); left > 1; --left) std::swap(items[left - 1], items[stream.below(left, left)]);
  return items;
}

}  // namespace gmoe
