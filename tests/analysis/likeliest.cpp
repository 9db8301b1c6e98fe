#include "gmoe/analysis/likeliest.hpp"

#include <doctest/doctest.h>

#include <vector>

using gmoe::is_likeliest;
using gmoe::likeliest;
using rule = gmoe::likelihood_rule;

TEST_CASE("analysis/likeliest: each rule may choose another text") {
  const std::vector<gmoe::choice_likelihood> choices{{-4, 2, 4}, {-5, 5, 4}, {-6, 4, 12}};
  CHECK(choices[0].by(rule::sum) == -4);
  CHECK(choices[0].by(rule::token) == -2);
  CHECK(choices[2].by(rule::byte) == -0.5);
  CHECK(likeliest(choices, rule::sum) == 0);    // -4 -5 -6
  CHECK(likeliest(choices, rule::token) == 1);  // -2 -1 -1.5
  CHECK(likeliest(choices, rule::byte) == 2);   // -1 -1.25 -0.5
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(is_likeliest(choices, i, rule::sum) == (i == 0));
    CHECK(is_likeliest(choices, i, rule::token) == (i == 1));
    CHECK(is_likeliest(choices, i, rule::byte) == (i == 2));
  }
}

TEST_CASE("analysis/likeliest: a tie is never right, and the first is named") {
  const std::vector<gmoe::choice_likelihood> choices{{-3, 1, 1}, {-2, 1, 1}, {-2, 1, 1}};
  CHECK(likeliest(choices, rule::sum) == 1);
  for (std::size_t i = 0; i < 3; ++i) CHECK(!is_likeliest(choices, i, rule::sum));
}

TEST_CASE("analysis/likeliest: what cannot be compared is refused") {
  const std::vector<gmoe::choice_likelihood> empty_text{{-3, 0, 0}, {-2, 1, 1}};
  CHECK_THROWS_WITH_AS(likeliest(empty_text, rule::byte), "a choice of 0 bytes, expected at least 1", gmoe::data_error);
  CHECK_THROWS_WITH_AS(likeliest(empty_text, rule::token), "a choice of 0 tokens, expected at least 1",
                       gmoe::data_error);
  CHECK_THROWS_WITH_AS(likeliest({}, rule::sum), "likeliest: there are no choices", gmoe::data_error);
  CHECK_THROWS_WITH_AS(is_likeliest(empty_text, 2, rule::sum), "choice 2 is right, but there are 2", gmoe::data_error);
}
