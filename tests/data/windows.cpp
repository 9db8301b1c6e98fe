#include "gmoe/data/windows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

namespace {

/// A text whose tokens are their own positions, so that a batch tells where it was cut.
std::vector<int> positions(gmoe::index_t size) {
  std::vector<int> tokens(static_cast<std::size_t>(size));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

struct ids {
  std::vector<gmoe::id_type> tokens, targets;
  bool operator==(const ids&) const = default;
};

ids draw(const gmoe::shuffled_windows<int>& windows, gmoe::index_t step) {
  const auto size = static_cast<std::size_t>(windows.batch_size() * windows.sequence());
  ids drawn{std::vector<gmoe::id_type>(size, -7), std::vector<gmoe::id_type>(size, -7)};
  windows.batch(step, drawn.tokens, drawn.targets);
  return drawn;
}

gmoe::shuffled_windows<int> cut(const std::vector<int>& text, gmoe::index_t sequence, gmoe::index_t batch,
                                std::uint64_t seed = 1) {
  return {std::span<const int>(text), sequence, batch, gmoe::random_stream(seed)};
}

std::vector<gmoe::index_t> starts(const gmoe::shuffled_windows<int>& windows, gmoe::index_t epoch) {
  std::vector<gmoe::index_t> all;
  for (gmoe::index_t i = 0; i < windows.windows(); ++i) all.push_back(windows.start(epoch * windows.windows() + i));
  return all;
}

}  // namespace

TEST_CASE("data/windows: targets are the tokens that follow") {
  const auto text = positions(1000);
  const auto windows = cut(text, 16, 4);
  for (gmoe::index_t step = 0; step < 50; ++step) {
    const auto [tokens, targets] = draw(windows, step);
    for (gmoe::index_t i = 0; i < 4; ++i) {
      const gmoe::index_t start = windows.start(step * 4 + i);
      for (gmoe::index_t j = 0; j < 16; ++j) {
        REQUIRE(tokens[static_cast<std::size_t>(i * 16 + j)] == start + j);
        REQUIRE(targets[static_cast<std::size_t>(i * 16 + j)] == start + j + 1);
      }
    }
  }
}

TEST_CASE("data/windows: an epoch covers one run of targets, each exactly once") {
  for (gmoe::index_t size = 2; size <= 120; ++size) {
    const auto text = positions(size);
    for (const gmoe::index_t sequence : {1, 2, 3, 7, 16}) {
      if (size < sequence + 1) continue;
      const auto windows = cut(text, sequence, 1);
      for (gmoe::index_t epoch = 0; epoch < 5; ++epoch) {
        CAPTURE(size);
        CAPTURE(sequence);
        CAPTURE(epoch);
        std::vector<gmoe::id_type> covered;
        for (gmoe::index_t i = 0; i < windows.windows(); ++i) {
          const auto targets = draw(windows, epoch * windows.windows() + i).targets;
          covered.insert(covered.end(), targets.begin(), targets.end());
        }
        std::sort(covered.begin(), covered.end());
        std::vector<gmoe::id_type> run(covered.size());
        std::iota(run.begin(), run.end(), covered.front());
        REQUIRE(covered == run);
        REQUIRE(covered.front() >= 1);
        REQUIRE(covered.back() <= size - 1);
        REQUIRE(size - 1 - static_cast<gmoe::index_t>(covered.size()) < 2 * sequence);
      }
    }
  }
}

TEST_CASE("data/windows: over the epochs every token is seen, and begins a window") {
  const auto text = positions(100);
  const auto windows = cut(text, 8, 1);
  std::set<gmoe::id_type> targets;
  std::set<gmoe::index_t> offsets;
  for (gmoe::index_t epoch = 0; epoch < 200; ++epoch) {
    const auto begun = starts(windows, epoch);
    offsets.insert(*std::min_element(begun.begin(), begun.end()));
  }
  CHECK(offsets == std::set<gmoe::index_t>{0, 1, 2, 3, 4, 5, 6, 7});
  for (gmoe::index_t step = 0; step < 200 * windows.windows(); ++step) {
    const auto drawn = draw(windows, step).targets;
    targets.insert(drawn.begin(), drawn.end());
  }
  // 100 / 8 leaves 4 tokens that no offset reaches: the cut takes the text's first 12 * 8 tokens.
  CHECK(targets.size() == 95);
}

TEST_CASE("data/windows: a resumed run draws what it would have drawn") {
  const auto text = positions(777);
  std::vector<ids> first;
  {
    const auto windows = cut(text, 10, 8, 42);
    for (gmoe::index_t step = 0; step < 60; ++step) first.push_back(draw(windows, step));
  }
  const auto resumed = cut(text, 10, 8, 42);
  for (const gmoe::index_t step : {59, 0, 31, 9, 10, 58})
    CHECK(draw(resumed, step) == first[static_cast<std::size_t>(step)]);
}

TEST_CASE("data/windows: the queue of windows does not depend on the batch size") {
  const auto text = positions(510);
  const auto one = cut(text, 10, 1), seven = cut(text, 10, 7);
  REQUIRE(one.windows() % 7 != 0);  // so that batches straddle epochs
  std::vector<gmoe::id_type> singly, together;
  for (gmoe::index_t step = 0; step < 210; ++step) {
    const auto drawn = draw(one, step).tokens;
    singly.insert(singly.end(), drawn.begin(), drawn.end());
  }
  for (gmoe::index_t step = 0; step < 30; ++step) {
    const auto drawn = draw(seven, step).tokens;
    together.insert(together.end(), drawn.begin(), drawn.end());
  }
  CHECK(singly == together);
}

TEST_CASE("data/windows: epochs differ, and so do seeds") {
  const auto text = positions(2000);
  const auto windows = cut(text, 10, 4, 1);
  CHECK(starts(windows, 0) != starts(windows, 1));
  CHECK(starts(windows, 0) != starts(cut(text, 10, 4, 2), 0));
  // Not only the offset: the order too.
  const auto order = [&](const gmoe::shuffled_windows<int>& of, gmoe::index_t epoch) {
    auto all = starts(of, epoch);
    const auto least = *std::min_element(all.begin(), all.end());
    for (auto& start : all) start -= least;
    return all;
  };
  CHECK(order(windows, 0) != order(windows, 1));
  CHECK(order(windows, 0) != order(cut(text, 10, 4, 2), 0));
  const auto first = starts(windows, 0);
  CHECK_FALSE(std::is_sorted(first.begin(), first.end()));
}

TEST_CASE("data/windows: a text of exactly one window") {
  const auto text = positions(9);
  const auto windows = cut(text, 8, 3);
  CHECK(windows.windows() == 1);
  const std::vector<gmoe::id_type> window{0, 1, 2, 3, 4, 5, 6, 7};
  const auto drawn = draw(windows, 5);
  for (std::ptrdiff_t i = 0; i < 3; ++i) CHECK(std::equal(window.begin(), window.end(), drawn.tokens.begin() + i * 8));
  CHECK(drawn.targets.back() == 8);
}

TEST_CASE("data/windows: bytes become ids from 0 to 255") {
  const std::vector<std::uint8_t> bytes{0, 255, 128, 7};
  const gmoe::shuffled_windows windows(std::span<const std::uint8_t>(bytes), 3, 1, gmoe::random_stream(1));
  std::vector<gmoe::id_type> tokens(3), targets(3);
  windows.batch(0, tokens, targets);
  CHECK(tokens == std::vector<gmoe::id_type>{0, 255, 128});
  CHECK(targets == std::vector<gmoe::id_type>{255, 128, 7});
}

TEST_CASE("data/windows: epochs are counted in windows drawn") {
  const auto text = positions(101);
  const auto windows = cut(text, 10, 2);
  CHECK(windows.windows() == 9);
  CHECK(windows.epochs(0) == 0.0);
  CHECK(windows.epochs(9) == doctest::Approx(2.0));
}

TEST_CASE("data/windows: wrong sizes are refused") {
  const auto text = positions(8);
  CHECK_THROWS_WITH_AS(cut(text, 8, 1), doctest::Contains("has 8 tokens, but one window of sequence length 8 needs 9"),
                       gmoe::data_error);
  CHECK_THROWS_AS(cut(text, 0, 1), gmoe::config_error);
  CHECK_THROWS_AS(cut(text, 1, 0), gmoe::config_error);
  const auto windows = cut(text, 2, 3);
  std::vector<gmoe::id_type> six(6), five(5);
  CHECK_THROWS_WITH_AS(windows.batch(0, five, six), doctest::Contains("5 tokens and 6 targets, expected 6 each"),
                       gmoe::config_error);
  CHECK_THROWS_AS(windows.batch(0, six, five), gmoe::config_error);
  CHECK_THROWS_AS(windows.batch(-1, six, six), gmoe::config_error);
  CHECK_THROWS_AS(windows.start(-1), gmoe::config_error);
}
