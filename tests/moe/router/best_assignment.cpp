#include "gmoe/moe/router/best_assignment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "gmoe/core/random.hpp"

using namespace gmoe;

TEST_CASE("moe/router/best_assignment: nobody finds a better one") {
  for (const index_t n : {1, 2, 3, 5, 6})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<double> likes(static_cast<std::size_t>(n * n));
      for (std::size_t i = 0; i < likes.size(); ++i)  // with ties among them
        likes[i] = static_cast<double>(random_stream(seed).below(i, 9)) - 4;
      const auto sum = [&](const std::vector<index_t>& column) {
        double total = 0;
        for (index_t i = 0; i < n; ++i)
          total += likes[static_cast<std::size_t>(i * n + column[static_cast<std::size_t>(i)])];
        return total;
      };
      const std::vector<index_t> best = best_assignment(likes, n);
      std::vector<index_t> all = best;
      std::sort(all.begin(), all.end());
      for (index_t i = 0; i < n; ++i) CHECK(all[static_cast<std::size_t>(i)] == i);
      double most = -std::numeric_limits<double>::infinity();
      do most = std::max(most, sum(all));
      while (std::next_permutation(all.begin(), all.end()));
      CHECK(sum(best) == most);
    }
  CHECK_THROWS_WITH_AS(best_assignment(std::vector<double>(3), 2), "best_assignment: 3 numbers for 2 x 2",
                       config_error);
}
