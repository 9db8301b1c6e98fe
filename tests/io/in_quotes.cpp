#include "gmoe/io/in_quotes.hpp"

#include <doctest/doctest.h>

#include <string>

using gmoe::in_quotes;

TEST_CASE("io/in_quotes: plain text, also beyond ASCII, is only quoted") {
  CHECK(in_quotes("wte.weight") == "'wte.weight'");
  CHECK(in_quotes("") == "''");
  CHECK(in_quotes("gr\xc3\xb6\xc3\x9f"
                  "e") ==
        "'gr\xc3\xb6\xc3\x9f"
        "e'");
}

TEST_CASE("io/in_quotes: control characters cannot reach a terminal") {
  CHECK(in_quotes(std::string("a\0b\n\x1b[2J\x7f", 9)) == "'a\\x00b\\x0a\\x1b[2J\\x7f'");
}

TEST_CASE("io/in_quotes: long text is cut") {
  CHECK(in_quotes(std::string(10, 'x'), 10) == "'xxxxxxxxxx'");
  CHECK(in_quotes(std::string(11, 'x'), 10) == "'xxxxxxxxxx...'");
  CHECK(in_quotes(std::string(1 << 20, 'x')).size() < 200);
}
