#include "gmoe/data/counting_models.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string_view>

#include "gmoe/data/unigram.hpp"

using doctest::Approx;

namespace {

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("data/counting_models: by hand") {
  // aabab: a 3, b 2; after a: a 1, b 2; after b: a 1.
  const auto losses = gmoe::measure_counting_models(bytes("aabab"), bytes("xab"));
  const double pa = 4.0 / 261, pb = 3.0 / 261;
  CHECK(losses.unigram == Approx(-(std::log(pa) + std::log(pb)) / 2));
  // Nothing is known of what follows x; a has two different followers in three places.
  CHECK(losses.bigram == Approx(-(std::log(pa) + std::log((2 + 2 * pb) / 5)) / 2));
}

TEST_CASE("data/counting_models: probabilities add up to one, for every byte before") {
  const auto train = bytes("the quick brown fox jumps over the lazy dog, and the dog sleeps");
  for (const char before : {'t', 'g', 'Q'}) {
    double single = 0, pair = 0;
    for (int b = 0; b < 256; ++b) {
      const std::uint8_t text[] = {static_cast<std::uint8_t>(before), static_cast<std::uint8_t>(b)};
      const auto losses = gmoe::measure_counting_models(train, text);
      single += std::exp(-losses.unigram);
      pair += std::exp(-losses.bigram);
    }
    CHECK(single == Approx(1));
    CHECK(pair == Approx(1));
  }
}

TEST_CASE("data/counting_models: on a long text they come near the entropies, and two bytes know more than one") {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "abc"[i * i % 7 % 3];
  const auto losses = gmoe::measure_counting_models(bytes(text), bytes(text));
  CHECK(losses.unigram == Approx(gmoe::unigram_entropy(bytes(text))).epsilon(0.01));
  CHECK(losses.bigram < losses.unigram - 0.1);
}

TEST_CASE("data/counting_models: nothing to count, nothing to predict") {
  CHECK_THROWS_AS(gmoe::measure_counting_models({}, bytes("ab")), gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::measure_counting_models(bytes("ab"), bytes("a")),
                       "measure_counting_models: the text has 1 bytes, expected at least 2", gmoe::data_error);
}
