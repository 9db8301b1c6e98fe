#include "gmoe/core/text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace gmoe;

namespace paint {
enum class colour { red, green, blue };
constexpr auto names_of(colour) { return std::array<std::string_view, 3>{"red", "green", "blue"}; }
enum class nameless { a, b };
}  // namespace paint

namespace {

/// What the text reads as; `otherwise` if it says no T.
template <class T>
T read(std::string_view text, T otherwise) {
  T value = otherwise;
  const bool good = from_text(text, value);
  if (!good) CHECK(value == otherwise);  // as it was
  return value;
}

}  // namespace

TEST_CASE("core/text: numbers as short as they can be read back") {
  CHECK(to_text(0.1) == "0.1");
  CHECK(to_text(1.0) == "1");
  CHECK(to_text(-2.5e-7) == "-2.5e-07");
  CHECK(to_text(std::int64_t{-9000000000}) == "-9000000000");
  CHECK(to_text(std::uint64_t{18446744073709551615u}) == "18446744073709551615");
  for (const double v : {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789.123456789}) CHECK(read(to_text(v), 7.0) == v);
  CHECK(std::isinf(read(to_text(std::numeric_limits<double>::infinity()), 7.0)));
}

TEST_CASE("core/text: a number is the whole text") {
  CHECK(read("12", index_t{-1}) == 12);
  CHECK(read("-12", index_t{-1}) == -12);
  for (const char* bad : {"", " 12", "12 ", "12x", "1.5", "+12", "0x10", "99999999999999999999"})
    CHECK(read(bad, index_t{-1}) == -1);
  CHECK(read("-1", std::uint64_t{5}) == 5);
  CHECK(read("2.5e-3", -1.0) == 0.0025);
  for (const char* bad : {"", "2,5", "1e", "two", "1.0.0"}) CHECK(read(bad, -1.0) == -1.0);
}

TEST_CASE("core/text: switches") {
  CHECK(to_text(true) == "true");
  CHECK(to_text(false) == "false");
  CHECK(read("true", false));
  CHECK(read("1", false));
  CHECK_FALSE(read("false", true));
  CHECK_FALSE(read("0", true));
  for (const char* bad : {"", "yes", "True", "2"}) {
    CHECK(read(bad, true));
    CHECK_FALSE(read(bad, false));
  }
}

TEST_CASE("core/text: named choices") {
  using paint::colour;
  CHECK(named_choice<colour>);
  CHECK_FALSE(named_choice<paint::nameless>);
  CHECK_FALSE(named_choice<int>);
  CHECK(to_text(colour::blue) == "blue");
  CHECK(read("green", colour::red) == colour::green);
  for (const char* bad : {"", "Green", "gree", "1"}) CHECK(read(bad, colour::red) == colour::red);
}

TEST_CASE("core/text: lists") {
  using list = std::vector<index_t>;
  CHECK(to_text(list{}) == "");
  CHECK(to_text(list{1, 3, 5}) == "1 3 5");
  CHECK(read("1 3 5", list{9}) == list{1, 3, 5});
  CHECK(read("1,3,5", list{9}) == list{1, 3, 5});
  CHECK(read("", list{9}) == list{});
  CHECK(read("4", list{9}) == list{4});
  for (const char* bad : {"1 x", "1  3", " 1", "1.5", "1;3"}) CHECK(read(bad, list{9}) == list{9});
}

TEST_CASE("core/text: what is taken, in words") {
  CHECK(kind_of_text<bool>() == "true or false");
  CHECK(kind_of_text<index_t>() == "a whole number");
  CHECK(kind_of_text<double>() == "a number");
  CHECK(kind_of_text<std::vector<index_t>>() == "a list of whole numbers");
  CHECK(kind_of_text<paint::colour>() == "one of red, green, blue");
}
