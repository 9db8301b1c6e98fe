#include "gmoe/data/permutation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace {

std::vector<std::uint64_t> images(const gmoe::random_permutation& p) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < p.size(); ++i) all.push_back(p(i));
  return all;
}

}  // namespace

TEST_CASE("data/permutation: every number is hit exactly once") {
  std::vector<std::uint64_t> sizes{1000, 1023, 1024, 1025, 4095, 4096, 4097, 20011};
  for (std::uint64_t size = 1; size <= 300; ++size) sizes.push_back(size);
  for (const std::uint64_t size : sizes) {
    CAPTURE(size);
    const auto all = images(gmoe::random_permutation(gmoe::random_stream(size), size));
    const std::set<std::uint64_t> distinct(all.begin(), all.end());
    CHECK(distinct.size() == size);
    CHECK(*distinct.rbegin() == size - 1);
  }
}

TEST_CASE("data/permutation: is fixed by its stream, and another stream gives another") {
  const gmoe::random_stream stream(3);
  CHECK(images({stream, 500}) == images({stream, 500}));
  CHECK(images({stream, 500}) != images({stream.fork(1), 500}));
}

TEST_CASE("data/permutation: all orders are equally frequent") {
  // 24 orders of 4, 24000 streams: chi-square with 23 degrees of freedom; 1 in 10^5 exceeds 64.
  std::map<std::vector<std::uint64_t>, int> seen;
  for (std::uint64_t seed = 0; seed < 24000; ++seed) ++seen[images({gmoe::random_stream(seed), 4})];
  CHECK(seen.size() == 24);
  double chi_square = 0.0;
  for (const auto& [order, times] : seen) chi_square += (times - 1000.0) * (times - 1000.0) / 1000.0;
  CHECK(chi_square < 64.0);
}

TEST_CASE("data/permutation: neighbours are scattered") {
  // The mean distance of the images of i and i+1 is size/3 for a random order; its deviation here is about 0.0017 size.
  constexpr std::uint64_t size = 20000;
  const gmoe::random_permutation p(gmoe::random_stream(11), size);
  double distance = 0.0;
  for (std::uint64_t i = 0; i + 1 < size; ++i)
    distance += std::abs(static_cast<double>(p(i)) - static_cast<double>(p(i + 1)));
  CHECK(distance / size / size == doctest::Approx(1.0 / 3.0).epsilon(0.03));
}

TEST_CASE("data/permutation: huge sizes cost nothing, wrong ones are refused") {
  const std::uint64_t largest = std::uint64_t{1} << 62;
  const gmoe::random_permutation p(gmoe::random_stream(5), largest);
  CHECK(p(0) < largest);
  CHECK(p(largest - 1) < largest);
  CHECK(p(0) != p(largest - 1));
  CHECK_THROWS_AS(gmoe::random_permutation(gmoe::random_stream(5), largest + 1), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::random_permutation(gmoe::random_stream(5), 0), gmoe::config_error);
  CHECK_THROWS_AS(p(largest), gmoe::config_error);
}
