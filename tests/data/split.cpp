#include "gmoe/data/split.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <numeric>
#include <vector>

namespace {

std::vector<int> count(std::size_t size) {
  std::vector<int> tokens(size);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

}  // namespace

TEST_CASE("data/split: the tail is for validation and nothing is lost") {
  const auto tokens = count(1000);
  const auto parts = gmoe::split_tokens(std::span<const int>(tokens), 16);
  CHECK(parts.train.size() == 900);
  CHECK(parts.validation.size() == 100);
  CHECK(parts.train.data() == tokens.data());
  CHECK(parts.validation.front() == 900);
  CHECK(parts.validation.back() == 999);
  CHECK(gmoe::split_tokens(std::span<const int>(tokens), 16, 0.25).validation.size() == 250);
  CHECK(gmoe::split_tokens(std::span<const int>(tokens), 16, 0.0333).validation.size() == 33);
}

TEST_CASE("data/split: each part needs one window, and one window is enough") {
  const auto tokens = count(100);
  const std::span<const int> text(tokens);
  CHECK(gmoe::split_tokens(text, 9).validation.size() == 10);
  CHECK_THROWS_WITH_AS(gmoe::split_tokens(text, 10),
                       doctest::Contains("the validation part has 10 of the text's 100 tokens (validation fraction "
                                         "0.1), but one window of sequence length 10 needs 11"),
                       gmoe::data_error);
  CHECK(gmoe::split_tokens(text, 9, 0.9).train.size() == 10);
  CHECK_THROWS_WITH_AS(gmoe::split_tokens(text, 10, 0.9), doctest::Contains("the training part has 10"),
                       gmoe::data_error);
  CHECK_THROWS_AS(gmoe::split_tokens(text.first(0), 1), gmoe::data_error);
}

TEST_CASE("data/split: settings are checked") {
  const auto tokens = count(100);
  const std::span<const int> text(tokens);
  for (const double fraction : {0.0, 1.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_WITH_AS(gmoe::split_tokens(text, 4, fraction), doctest::Contains("validation fraction is"),
                         gmoe::config_error);
  CHECK_THROWS_AS(gmoe::split_tokens(text, 0), gmoe::config_error);
}
