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

TEST_CASE("io/in_quotes: neither can the control characters beyond ASCII, nor text that runs backwards") {
  CHECK(in_quotes("\xc2\x9b"
                  "2J") == "'\\xc2\\x9b2J'");
  CHECK(in_quotes("\xe2\x80\xae"
                  "txt") == "'\\xe2\\x80\\xaetxt'");
  CHECK(in_quotes("\xe2\x81\xa6") == "'\\xe2\\x81\\xa6'");
  CHECK(in_quotes("\xe2\x80\x94") == "'\xe2\x80\x94'");  // a dash is text
}

TEST_CASE("io/in_quotes: bytes that are no character, and none cut in two") {
  CHECK(in_quotes("a\xff\xc3") == "'a\\xff\\xc3'");
  CHECK(in_quotes("ab\xc3\xb6", 3) == "'ab...'");
  CHECK(in_quotes("ab\xc3\xb6", 4) == "'ab\xc3\xb6'");
}
