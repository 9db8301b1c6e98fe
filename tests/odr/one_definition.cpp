// That this program links is the test: first.cpp and second.cpp both include every header.
#include <doctest/doctest.h>

const char* version_seen_first();
const char* version_seen_second();

TEST_CASE("odr: two translation units that include everything share one definition") {
  CHECK(static_cast<const void*>(version_seen_first()) == static_cast<const void*>(version_seen_second()));
}
