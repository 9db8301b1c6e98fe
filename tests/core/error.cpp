#include "gmoe/core/error.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("core/error: concat prints its parts one after the other") {
  CHECK(gmoe::concat("d_model ", 30, " is not divisible by heads ", 4, '.') ==
        "d_model 30 is not divisible by heads 4.");
}

TEST_CASE("core/error: require passes when the condition holds") {
  CHECK_NOTHROW(gmoe::require(true, "never printed"));
  CHECK_NOTHROW(gmoe::require<gmoe::file_error>(true, "never printed"));
}

TEST_CASE("core/error: require throws the class it was asked for, with the joined message") {
  CHECK_THROWS_WITH_AS(gmoe::require(false, "k = ", 9, " exceeds ", 8, " experts"), "k = 9 exceeds 8 experts",
                       gmoe::config_error);
  CHECK_THROWS_WITH_AS(gmoe::require<gmoe::data_error>(false, "token ", 300), "token 300", gmoe::data_error);
  CHECK_THROWS_WITH_AS(gmoe::require<gmoe::file_error>(false, "no file"), "no file", gmoe::file_error);
  CHECK_THROWS_WITH_AS(gmoe::require<gmoe::numeric_error>(false, "loss ", 0.5), "loss 0.5", gmoe::numeric_error);
  CHECK_THROWS_WITH_AS(gmoe::require<gmoe::backend_error>(false, "memory"), "memory", gmoe::backend_error);
}

TEST_CASE_TEMPLATE("core/error: every class is a gmoe::error and a std::runtime_error", E, gmoe::config_error,
                   gmoe::data_error, gmoe::file_error, gmoe::numeric_error, gmoe::backend_error) {
  CHECK_THROWS_AS(throw E("x"), gmoe::error);
  CHECK_THROWS_AS(throw E("x"), std::runtime_error);
  CHECK(std::string(E("what it says").what()) == "what it says");
}

TEST_CASE("core/error: parts are printed only on failure") {
  static int prints = 0;
  const auto print = [](std::ostream& out) -> std::ostream& { return ++prints, out; };
  gmoe::require(true, +print);
  CHECK(prints == 0);
  CHECK_THROWS_AS(gmoe::require(false, +print), gmoe::config_error);
  CHECK(prints == 1);
}
