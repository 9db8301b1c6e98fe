#include "gmoe/moe/strata.hpp"

#include <doctest/doctest.h>

using namespace gmoe;

TEST_CASE("moe/strata: neighbours, as equally many as they can be") {
  for (index_t n = 1; n <= 12; ++n)
    for (index_t s = 1; s <= n; ++s) {
      CAPTURE(n);
      CAPTURE(s);
      const strata all{n, s};
      CHECK(all.first(0) == 0);
      CHECK(all.first(s) == n);
      CHECK(all.from(0) == n);
      for (index_t i = 0; i < s; ++i) {
        const index_t size = all.first(i + 1) - all.first(i);
        CHECK(size >= n / s);
        CHECK(size <= (n + s - 1) / s);
        CHECK(all.from(i) == n - all.first(i));
        for (index_t e = all.first(i); e < all.first(i + 1); ++e) CHECK(all.of(e) == i);
      }
    }
}
