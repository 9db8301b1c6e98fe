#include "gmoe/moe/experts/heterogeneous.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/experts/global_pool.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/experts/heterogeneous: the paper's widths") {
  for (index_t i = 0; i < 8; ++i) CHECK(width_in_progression(4096, 5888.0 / 2304, 8, i) == 2304 + 512 * i);
}

TEST_CASE("moe/experts/heterogeneous: whatever the numbers, widths grow and sum up to those of equal experts") {
  for (const index_t mean : {3, 12, 100, 513})
    for (const double ratio : {1.0, 1.1, 2.5, 4.9})
      for (const index_t count : {1, 2, 3, 4, 7, 16}) {
        CAPTURE(mean);
        CAPTURE(ratio);
        CAPTURE(count);
        index_t sum = 0, before = 1;
        for (index_t i = 0; i < count; ++i) {
          const index_t width = width_in_progression(mean, ratio, count, i);
          const double exact = count == 1
                                   ? static_cast<double>(mean)
                                   : 2 * static_cast<double>(mean) / (1 + ratio) *
                                         (1 + (ratio - 1) * static_cast<double>(i) / static_cast<double>(count - 1));
          CHECK(std::abs(static_cast<double>(width) - exact) <= 0.5 + 1e-9);
          CHECK(width >= before);
          before = width;
          sum += width;
        }
        CHECK(sum == mean * count);
      }
}

TEST_CASE("moe/experts/heterogeneous: every layer has the same widths") {
  sizes s;
  s.d_ff = 12;
  s.experts = 4;
  const heterogeneous<layer_pool> pool{.ratio = 3};
  std::vector<index_t> widths;
  for (index_t e = 0; e < 8; ++e) widths.push_back(pool.width(s, e));
  CHECK(widths == std::vector<index_t>{6, 10, 14, 18, 6, 10, 14, 18});
  CHECK(refusal([&] { heterogeneous<global_pool>{.ratio = 50}.width(s, 0); }) ==
        "experts.ratio = 50 leaves no hidden unit to the narrowest of experts with d_ff = 12 on average");
}
