#include "compare/groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "gmoe/core/error.hpp"
#include "session/session.hpp"

using names = std::vector<std::string>;

TEST_CASE("compare/groups: every member is a variant, and all are in 'all'") {
  const auto known = examples::all_variants();
  for (const auto& group : compare::groups()) {
    CHECK(group.members.size() >= 2);
    CHECK(compare::expand(group.members) == group.members);  // known, and each once
  }
  CHECK(compare::expand({"all"}).size() == known.size());
  CHECK(compare::expand({"ablations"}).size() > 3);
}

TEST_CASE("compare/groups: words are expanded in order, each variant once") {
  CHECK(compare::expand({"dense", "demo", "gmoe"}) == names{"dense", "gmoe", "switch", "gmoe-no-logits"});
  CHECK_THROWS_WITH_AS(compare::expand({"swich"}),
                       "there is no variant 'swich'; did you mean 'switch'? --list shows them all", gmoe::config_error);
  CHECK_THROWS_WITH_AS(compare::expand({"papers"}),
                       "there is no variant 'papers'; did you mean 'paper'? --list shows them all", gmoe::config_error);
  CHECK_THROWS_AS(compare::expand({}), gmoe::config_error);
}

TEST_CASE("compare/groups: the list names every variant with its line") {
  const std::string text = compare::list_text();
  for (const auto& v : examples::all_variants()) {
    CHECK(("\n" + text).find("\n" + v.name + " ") != std::string::npos);
    CHECK(text.find(v.about) != std::string::npos);
    CHECK(text.find(v.paper) != std::string::npos);
  }
}
