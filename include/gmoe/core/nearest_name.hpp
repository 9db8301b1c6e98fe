#pragma once
/// The known name that a mistyped one was probably meant to be.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

namespace gmoe {

/// Letters to insert, delete or replace to turn `a` into `b` (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

/// The first of `names` with the smallest edit distance; "" if there are none.
template <class Names>
std::string_view nearest_name(std::string_view name, const Names& names) {
  std::string_view best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view candidate : names)
    if (const std::size_t d = edit_distance(name, candidate); d < least) {
      least = d;
      best = candidate;
    }
  return best;
}

}  // namespace gmoe
