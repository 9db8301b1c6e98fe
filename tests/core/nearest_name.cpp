#include "gmoe/core/nearest_name.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace gmoe;

TEST_CASE("core/nearest_name: letters to change") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("switch", "swich") == 1);
  CHECK(edit_distance("swich", "switch") == 1);
  CHECK(edit_distance("ab", "ba") == 2);
  CHECK(edit_distance("gmoe", "gmoe") == 0);
}

TEST_CASE("core/nearest_name: the first of the nearest") {
  const std::array<std::string_view, 3> names{"dense", "switch", "swatch"};
  CHECK(nearest_name("swtch", names) == "switch");
  CHECK(nearest_name("dens", names) == "dense");
  CHECK(nearest_name("dense", std::array<std::string_view, 0>{}) == "");
}
