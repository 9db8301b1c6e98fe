#pragma once
/// The angles that ops/rotary.hpp turns by.

#include <cmath>
#include <vector>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// The cosines and sines of positions 0, 1, ...: positions x head, columns [cos | sin]. `head` is even.
template <class B>
matrix<B> rotary_angles(index_t positions, index_t head, double base) {
  require(head % 2 == 0, "rotary_angles: a head of ", head, " columns cannot be turned in pairs");
  std::vector<typename B::scalar> table(static_cast<std::size_t>(positions * head));
  for (index_t p = 0; p < positions; ++p)
    for (index_t j = 0; j < head / 2; ++j) {
      const double angle =
          static_cast<double>(p) * std::pow(base, -2.0 * static_cast<double>(j) / static_cast<double>(head));
      const auto at = static_cast<std::size_t>(p * head + j);
      table[at] = static_cast<typename B::scalar>(std::cos(angle));
      table[at + static_cast<std::size_t>(head / 2)] = static_cast<typename B::scalar>(std::sin(angle));
    }
  return matrix<B>::from_host(table, positions, head);
}

}  // namespace gmoe
