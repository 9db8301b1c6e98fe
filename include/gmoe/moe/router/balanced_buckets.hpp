#pragma once
/// Spreads token ids over experts so that every expert gets about as many tokens.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// The bucket of every token id, from how often each occurs: ids by falling frequency (equal ones by id), each to the
/// bucket with the fewest tokens so far (equal ones: the lowest). Ids that never occur go to bucket 0.
inline std::vector<id_type> balanced_buckets(std::span<const std::int64_t> counts, index_t buckets) {
  require(buckets >= 1, "balanced_buckets: ", buckets, " buckets, expected at least 1");
  std::vector<std::size_t> by_frequency(counts.size());
  std::iota(by_frequency.begin(), by_frequency.end(), std::size_t{0});
  std::sort(by_frequency.begin(), by_frequency.end(),
            [&](std::size_t a, std::size_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : a < b; });
  std::vector<std::int64_t> filled(static_cast<std::size_t>(buckets), 0);
  std::vector<id_type> bucket(counts.size(), 0);
  for (const std::size_t id : by_frequency) {
    require<data_error>(counts[id] >= 0, "balanced_buckets: token ", id, " occurs ", counts[id], " times");
    if (counts[id] == 0) continue;
    const auto emptiest = std::min_element(filled.begin(), filled.end());
    bucket[id] = static_cast<id_type>(emptiest - filled.begin());
    *emptiest += counts[id];
  }
  return bucket;
}

}  // namespace gmoe
