#include "gmoe/data/evaluation_windows.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

TEST_CASE("data/evaluation_windows: every token but the first is a target exactly once, in order") {
  for (gmoe::index_t size = 2; size <= 60; ++size) {
    std::vector<int> text(static_cast<std::size_t>(size));
    std::iota(text.begin(), text.end(), 100);  // away from the padding
    for (const gmoe::index_t sequence : {1, 4, 5, 80}) {
      for (const gmoe::index_t batch : {1, 3}) {
        CAPTURE(size);
        CAPTURE(sequence);
        CAPTURE(batch);
        const gmoe::evaluation_windows windows(std::span<const int>(text), sequence, batch);
        std::vector<gmoe::id_type> tokens(static_cast<std::size_t>(batch * sequence)), targets(tokens.size());
        gmoe::id_type expected = 101;
        gmoe::index_t scored = 0;
        for (gmoe::index_t number = 0; number < windows.batches(); ++number) {
          const gmoe::index_t here = windows.batch(number, tokens, targets);
          REQUIRE(here >= 1);
          scored += here;
          gmoe::index_t found = 0;
          for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (targets[i] == gmoe::no_target) {
              REQUIRE(tokens[i] == 0);
              continue;
            }
            REQUIRE(static_cast<gmoe::index_t>(i) == found++);  // padding comes last
            REQUIRE(targets[i] == expected++);
            REQUIRE(tokens[i] == targets[i] - 1);
          }
          REQUIRE(found == here);
        }
        REQUIRE(scored == size - 1);
        REQUIRE(scored == windows.targets());
        REQUIRE(expected == 100 + size);
      }
    }
  }
}

TEST_CASE("data/evaluation_windows: counts the partial window and the partial batch") {
  const std::vector<std::uint8_t> text(22);
  const gmoe::evaluation_windows windows(std::span<const std::uint8_t>(text), 5, 2);
  CHECK(windows.targets() == 21);
  CHECK(windows.windows() == 5);
  CHECK(windows.batches() == 3);
  std::vector<gmoe::id_type> tokens(10, -5), targets(10, -5);
  CHECK(windows.batch(0, tokens, targets) == 10);
  CHECK(windows.batch(2, tokens, targets) == 1);
  std::vector<gmoe::index_t> lengths(2, -1);
  windows.lengths(1, lengths);
  CHECK(lengths == std::vector<gmoe::index_t>{5, 5});
  windows.lengths(2, lengths);
  CHECK(lengths == std::vector<gmoe::index_t>{1, 0});
  CHECK_THROWS_AS(windows.lengths(3, lengths), gmoe::config_error);
  lengths.resize(3);
  CHECK_THROWS_WITH_AS(windows.lengths(0, lengths), "evaluation_windows: given room for 3 lengths, expected 2",
                       gmoe::config_error);
}

TEST_CASE("data/evaluation_windows: wrong sizes are refused") {
  const std::vector<std::uint8_t> text(22);
  const std::span<const std::uint8_t> view(text);
  using windows = gmoe::evaluation_windows<std::uint8_t>;
  CHECK_THROWS_AS(windows(view, 0, 1), gmoe::config_error);
  CHECK_THROWS_AS(windows(view, 1, 0), gmoe::config_error);
  CHECK_THROWS_WITH_AS(windows(view.first(1), 1, 1), doctest::Contains("has 1 tokens"), gmoe::data_error);
  const windows two(view, 11, 1);
  std::vector<gmoe::id_type> right(11), wrong(12);
  CHECK_NOTHROW(two.batch(1, right, right));
  CHECK_THROWS_WITH_AS(two.batch(2, right, right), doctest::Contains("batch 2 was asked for, expected 0 to 1"),
                       gmoe::config_error);
  CHECK_THROWS_AS(two.batch(-1, right, right), gmoe::config_error);
  CHECK_THROWS_AS(two.batch(0, wrong, right), gmoe::config_error);
  CHECK_THROWS_AS(two.batch(0, right, wrong), gmoe::config_error);
}
