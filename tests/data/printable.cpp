#include "gmoe/data/printable.hpp"

#include <doctest/doctest.h>

using namespace std::string_view_literals;
using gmoe::printable;

TEST_CASE("data/printable: text stays as it is") {
  CHECK(printable("") == "");
  CHECK(printable("And God said,\n\tLet there be light ~ \\x") == "And God said,\n\tLet there be light ~ \\x");
  const auto valid =
      "\xc2\xa0 \xc3\xa9 \xdf\xbf \xe0\xa0\x80 \xe2\x82\xac \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 "
      "\xf4\x8f\xbf\xbf"sv;
  CHECK(printable(valid) == valid);
}

TEST_CASE("data/printable: control characters are spelled out") {
  CHECK(printable("\0\r\x1b[2J\x7f"sv) == "\\x00\\x0d\\x1b[2J\\x7f");
  CHECK(printable("\xc2\x9b"
                  "2J") == "\\xc2\\x9b2J");  // U+009B starts terminal commands as ESC [ does
}

TEST_CASE("data/printable: bytes that are not UTF-8 are spelled out, the text around them stays") {
  CHECK(printable("a\x80"
                  "b\xff") == "a\\x80b\\xff");
  CHECK(printable("\xc3") == "\\xc3");                             // cut short by the end
  CHECK(printable("\xe2\x82z") == "\\xe2\\x82z");                  // by another character
  CHECK(printable("\xc3\xc3\xa9") == "\\xc3\xc3\xa9");             // by a valid one
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");                    // overlong
  CHECK(printable("\xe0\x9f\xbf") == "\\xe0\\x9f\\xbf");           // overlong
  CHECK(printable("\xf0\x8f\xbf\xbf") == "\\xf0\\x8f\\xbf\\xbf");  // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  CHECK(printable("\xf8\x88\x80\x80") == "\\xf8\\x88\\x80\\x80");
}
