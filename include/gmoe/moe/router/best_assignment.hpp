#pragma once
/// Who takes what, so that everybody has one thing and all are liked most.

#include <limits>
#include <span>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// For an n x n table of how much row i likes column j: the column of each row, all different, whose sum is the largest
/// (the Hungarian method; n^3 steps, on the host).
inline std::vector<index_t> best_assignment(std::span<const double> likes, index_t n) {
  require(std::ssize(likes) == n * n, "best_assignment: ", likes.size(), " numbers for ", n, " x ", n);
  const double far = std::numeric_limits<double>::infinity();
  const auto size = static_cast<std::size_t>(n);
  // Rows and columns from 1; 0 stands for the row that is being placed. Prices make the cost of every pair at least 0.
  std::vector<double> row_price(size + 1), col_price(size + 1);
  std::vector<std::size_t> row_of(size + 1, 0), before(size + 1, 0);
  for (std::size_t row = 1; row <= size; ++row) {
    row_of[0] = row;
    std::size_t at = 0;
    std::vector<double> slack(size + 1, far);
    std::vector<bool> seen(size + 1, false);
    do {
      seen[at] = true;
      const std::size_t r = row_of[at];
      double least = far;
      std::size_t next = 0;
      for (std::size_t c = 1; c <= size; ++c) {
        if (seen[c]) continue;
        const double cost = -likes[(r - 1) * size + c - 1] - row_price[r] - col_price[c];
        if (cost < slack[c]) {
          slack[c] = cost;
          before[c] = at;
        }
        if (slack[c] < least || next == 0) {
          least = slack[c];
          next = c;
        }
      }
      for (std::size_t c = 0; c <= size; ++c)
        if (seen[c]) {
          row_price[row_of[c]] += least;
          col_price[c] -= least;
        } else {
          slack[c] -= least;
        }
      at = next;
    } while (row_of[at] != 0);
    for (; at != 0; at = before[at]) row_of[at] = row_of[before[at]];
  }
  std::vector<index_t> column(size);
  for (std::size_t c = 1; c <= size; ++c) column[row_of[c] - 1] = static_cast<index_t>(c - 1);
  return column;
}

}  // namespace gmoe
