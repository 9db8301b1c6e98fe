#include "gmoe/data/unigram.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_CASE("data/unigram: known entropies") {
  using bytes = std::vector<std::uint8_t>;
  CHECK(gmoe::unigram_entropy(bytes(100, 65)) == 0.0);
  CHECK(gmoe::unigram_entropy(bytes{0, 255}) == doctest::Approx(std::log(2.0)).epsilon(1e-12));
  CHECK(gmoe::unigram_entropy(bytes{1, 2, 2, 2}) ==
        doctest::Approx(0.25 * std::log(4.0) + 0.75 * std::log(4.0 / 3.0)).epsilon(1e-12));
  bytes uniform;
  for (int i = 0; i < 512; ++i) uniform.push_back(static_cast<std::uint8_t>(i));
  CHECK(gmoe::unigram_entropy(uniform) == doctest::Approx(std::log(256.0)).epsilon(1e-12));
  CHECK(gmoe::bits_per_byte(gmoe::unigram_entropy(uniform)) == doctest::Approx(8.0).epsilon(1e-12));
}

TEST_CASE("data/unigram: no bytes have no frequencies") {
  CHECK_THROWS_AS(gmoe::unigram_entropy({}), gmoe::data_error);
}
