#include "gmoe/core/literal.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <type_traits>

namespace {
std::string_view said(gmoe::literal name) { return name.text; }
}  // namespace

TEST_CASE("core/literal: text that is written in the program, and lives as long as that") {
  CHECK(said("group_scores") == "group_scores");
  CHECK(said("") == "");
  constexpr gmoe::literal kept = "kept";
  static_assert(kept.text.size() == 4);
  // A name that is made at run time would not live long enough: it cannot be one.
  CHECK_FALSE(std::is_convertible_v<std::string_view, gmoe::literal>);
}
