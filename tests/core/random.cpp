#include "gmoe/core/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace {

std::array<std::uint32_t, 4> words(const gmoe::random_words& w) { return {w.word[0], w.word[1], w.word[2], w.word[3]}; }

struct moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

template <class Draw>
moments moments_of(int n, Draw draw) {
  moments m;
  for (int i = 0; i < n; ++i) m.mean += draw(i) / n;
  for (int i = 0; i < n; ++i) {
    const double d = draw(i) - m.mean;
    m.variance += d * d / n;
    m.skewness += d * d * d / n;
    m.kurtosis += d * d * d * d / n;
  }
  m.skewness /= std::pow(m.variance, 1.5);
  m.kurtosis /= m.variance * m.variance;
  return m;
}

double correlation(const gmoe::random_stream& a, const gmoe::random_stream& b, int shift = 0) {
  constexpr int n = 20000;
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += (a.uniform(i) - 0.5) * (b.uniform(i + shift) - 0.5);
  return 12 * sum / n;  // the variance of a uniform draw is 1/12
}

}  // namespace

// The known answers that the authors of Philox publish for Philox4x32-10: all zeros, all ones, and digits of pi.
TEST_CASE("core/random: philox gives the published known answers") {
  CHECK(words(gmoe::philox(0, 0, 0)) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint64_t ones = ~std::uint64_t{0};
  CHECK(words(gmoe::philox(ones, ones, ones)) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words(gmoe::philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88)) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("core/random: a draw is a pure function of stream and counter") {
  const gmoe::random_stream a(7), b(7);
  const double later = a.uniform(5);
  a.uniform(6);
  CHECK(a.uniform(5) == later);
  CHECK(b.uniform(5) == later);
  CHECK(a.normal(5) == b.normal(5));
  CHECK(words(a.words(5)) == words(gmoe::philox(a.key(), 0, 5)));
}

TEST_CASE("core/random: a stream from a later draw on") {
  const gmoe::random_stream all = gmoe::random_stream(7).fork(3), later = all.from(5).from(6);
  CHECK(later.first() == 11);
  CHECK(later.uniform(2) == all.uniform(13));
  CHECK(later.normal(2) == all.normal(13));
  CHECK(later.below(2, 1000) == all.below(13, 1000));
  CHECK(later.word(2) == all.word(13));
  CHECK(words(later.words(2)) == words(all.words(2)));
  CHECK(later.fork(4).uniform(2) == all.fork(4).uniform(13));
}

TEST_CASE("core/random: uniform draws fill [0, 1) evenly") {
  const gmoe::random_stream stream(1);
  constexpr int n = 100000, bins = 50;
  std::vector<int> histogram(bins);
  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform(i);
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    ++histogram[static_cast<int>(u * bins)];
  }
  double chi_squared = 0;
  for (const int count : histogram) chi_squared += std::pow(count - double{n} / bins, 2) / (double{n} / bins);
  CHECK(chi_squared > 23);  // 49 degrees of freedom: the 0.1 % quantiles are 23.98 and 85.35
  CHECK(chi_squared < 86);

  const moments m = moments_of(n, [&](int i) { return stream.uniform(i); });
  CHECK(m.mean == doctest::Approx(0.5).epsilon(0.01));
  CHECK(m.variance == doctest::Approx(1.0 / 12).epsilon(0.02));
}

TEST_CASE("core/random: normal draws have the moments of a standard normal") {
  const gmoe::random_stream stream = gmoe::random_stream(2).fork("normal");
  const moments m = moments_of(200000, [&](int i) { return stream.normal(i); });
  CHECK(std::abs(m.mean) < 0.01);  // four and more standard errors each
  CHECK(std::abs(m.variance - 1) < 0.015);
  CHECK(std::abs(m.skewness) < 0.025);
  CHECK(std::abs(m.kurtosis - 3) < 0.06);
}

TEST_CASE("core/random: below stays below, and reaches every value equally often") {
  const gmoe::random_stream stream(3);
  constexpr int n = 70000;
  std::vector<int> histogram(7);
  for (int i = 0; i < n; ++i) {
    const std::uint64_t x = stream.below(i, 7);
    REQUIRE(x < 7);
    ++histogram[x];
  }
  for (const int count : histogram) CHECK(std::abs(count - n / 7) < 450);  // 4.9 standard deviations
  for (int i = 0; i < 10; ++i) CHECK(stream.below(i, 1) == 0);

  constexpr std::uint64_t huge = std::uint64_t{1} << 63;  // all 64 bits of the draw take part
  bool above_half = false;
  for (int i = 0; i < 64; ++i) {
    REQUIRE(stream.below(i, huge) < huge);
    above_half |= stream.below(i, huge) >= huge / 2;
  }
  CHECK(above_half);
}

TEST_CASE("core/random: seeds and forks give different, uncorrelated streams") {
  std::set<std::uint64_t> keys;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const gmoe::random_stream stream(seed);
    keys.insert(stream.key());
    for (std::uint64_t id = 0; id < 100; ++id) keys.insert(stream.fork(id).key());
  }
  CHECK(keys.size() == 100 + 100 * 100);

  const gmoe::random_stream root(4);
  CHECK(std::abs(correlation(root, root)) > 0.9);  // the measure works
  CHECK(std::abs(correlation(root, root, 1)) < 0.035);
  CHECK(std::abs(correlation(root, gmoe::random_stream(5))) < 0.035);
  CHECK(std::abs(correlation(root, root.fork(0))) < 0.035);
  CHECK(std::abs(correlation(root.fork(0), root.fork(1))) < 0.035);
  CHECK(std::abs(correlation(root.fork("a"), root.fork("b"))) < 0.035);
}

TEST_CASE("core/random: forks depend on the whole path, in order") {
  const gmoe::random_stream root(6);
  CHECK(root.fork(1).key() == gmoe::random_stream(6).fork(1).key());
  CHECK(root.fork(1).fork(2).key() != root.fork(2).fork(1).key());
  CHECK(root.fork(1).fork(1).key() != root.fork(1).key());
  CHECK(root.fork(1).fork(1).key() != root.key());
  CHECK(root.fork("block.0.attn").key() != root.fork("block.1.attn").key());
  CHECK(root.fork("ab").key() != root.fork("ba").key());
  CHECK(root.fork("").key() != root.key());
}

TEST_CASE("core/random: streams can be made at compile time") {
  constexpr gmoe::random_stream stream = gmoe::random_stream(8).fork(3).fork("weight");
  static_assert(stream.key() != gmoe::random_stream(8).key());
  CHECK(stream.key() == gmoe::random_stream(8).fork(3).fork("weight").key());
}
