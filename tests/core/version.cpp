#include "gmoe/version.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("core/version: the string and the numbers agree") {
  CHECK(std::string(gmoe::version_string) == std::to_string(GMOE_VERSION_MAJOR) + "." +
                                                 std::to_string(GMOE_VERSION_MINOR) + "." +
                                                 std::to_string(GMOE_VERSION_PATCH));
}
