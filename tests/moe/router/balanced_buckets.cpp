#include "gmoe/moe/router/balanced_buckets.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using ids = std::vector<id_type>;

TEST_CASE("moe/router/balanced_buckets: the most frequent first, each to the emptiest bucket") {
  // By frequency: 1 (9), 6 (7), 10 (5), 2 and 3 (4), 4 (2), 7, 8, 9 (1); 0 and 5 never occur.
  const std::vector<std::int64_t> counts{0, 9, 4, 4, 2, 0, 7, 1, 1, 1, 5};
  // loads:  9 | 7 | 5 -> 5+4 = 9 ... by hand: 1->0 (9), 6->1 (7), 10->2 (5), 2->2 (9), 3->1 (11), 4->0 (11), 7->2 (10),
  // 8->2 (11), 9->0 (12)
  CHECK(balanced_buckets(counts, 3) == ids{0, 0, 2, 1, 0, 0, 1, 2, 2, 0, 2});
  CHECK(balanced_buckets(counts, 1) == ids(11, 0));
  CHECK(balanced_buckets(std::vector<std::int64_t>{5, 5, 5}, 3) == ids{0, 1, 2});  // ties: ids and buckets in order
  CHECK(balanced_buckets({}, 3).empty());
  CHECK_THROWS_AS(balanced_buckets(counts, 0), config_error);
  CHECK_THROWS_AS(balanced_buckets(std::vector<std::int64_t>{1, -1}, 2), data_error);
}

TEST_CASE("moe/router/balanced_buckets: even to within the most frequent id") {
  const random_stream random(4);
  std::vector<std::int64_t> counts;
  std::int64_t largest = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    counts.push_back(static_cast<std::int64_t>(1000 / (1 + random.below(i, 300))));
    largest = std::max(largest, counts.back());
  }
  const ids bucket = balanced_buckets(counts, 7);
  std::vector<std::int64_t> load(7, 0);
  for (std::size_t i = 0; i < counts.size(); ++i) load[static_cast<std::size_t>(bucket[i])] += counts[i];
  const auto [least, most] = std::minmax_element(load.begin(), load.end());
  CHECK(*most - *least <= largest);
  CHECK(*most - *least < *most / 20);
}
