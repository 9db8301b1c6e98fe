#include "compare/groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

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

TEST_CASE("compare/groups: group:NAME is all cards of a family, or a chosen group") {
  names all;
  for (const auto& family : compare::families()) {
    INFO(family.name);
    CHECK_FALSE(family.about.empty());
    CHECK(compare::expand({"group:" + family.name}) == family.members);
    all.insert(all.end(), family.members.begin(), family.members.end());
  }
  CHECK(all == compare::expand({"all"}));  // every variant is in one family
  CHECK(compare::expand({"group:demo"}) == compare::expand({"demo"}));
  // A family may have the name of a variant: without the prefix it is the variant.
  CHECK(compare::expand({"dense"}) == names{"dense"});
  CHECK(compare::expand({"group:dense"}).size() > 1);
  // Mixed with names, each variant once.
  const names mixed = compare::expand({"dense-relu", "group:dense", "smoe"});
  CHECK(mixed.front() == "dense-relu");
  CHECK(mixed.back() == "smoe");
  CHECK(mixed.size() == compare::expand({"group:dense"}).size() + 1);
  CHECK_THROWS_WITH_AS(compare::expand({"smoe", "group:pool"}),
                       "there is no group 'pool'; did you mean 'group:pools'? --list shows them all",
                       gmoe::config_error);
  CHECK_THROWS_WITH_AS(compare::expand({"group:"}), doctest::Contains("there is no group ''"), gmoe::config_error);
  CHECK_THROWS_WITH_AS(compare::expand({"pools"}),
                       "there is no variant 'pools'; did you mean 'group:pools'? --list shows them all",
                       gmoe::config_error);
}

TEST_CASE("compare/groups: the list names every variant below its group's question, in 100 columns") {
  const std::string text = "\n" + compare::list_text();
  std::size_t at = 0;
  for (const auto& family : compare::families()) {
    at = text.find("\n" + family.name + ": " + family.about + "\n", at);
    REQUIRE(at != std::string::npos);
    for (const std::string& name : family.members) {
      at = text.find("\n  " + name + " ", at);
      REQUIRE_MESSAGE(at != std::string::npos, name);
    }
  }
  for (const auto& v : examples::all_variants()) {
    CHECK(text.find("\n      " + v.about + "\n") != std::string::npos);
    CHECK(text.find(v.paper) != std::string::npos);
  }
  for (const auto& group : compare::groups()) CHECK(text.find("\n  " + group.name + " ") != std::string::npos);
  for (std::size_t begin = 1; begin < text.size(); begin = text.find('\n', begin) + 1)
    CHECK_MESSAGE(text.find('\n', begin) - begin <= 100, text.substr(begin, text.find('\n', begin) - begin));
}

TEST_CASE("compare/groups: the list as JSON says what each variant changes, and how far it looks") {
  const nlohmann::json list = compare::list_json();
  const auto known = examples::all_variants();
  REQUIRE(list.at("variants").size() == known.size());
  REQUIRE(list.at("groups").size() == compare::families().size());
  for (std::size_t i = 0; i < list["groups"].size(); ++i) {
    CHECK(list["groups"][i].at("name") == compare::families()[i].name);
    CHECK(list["groups"][i].at("question") == compare::families()[i].about);
    CHECK(list["groups"][i].at("variants") == compare::families()[i].members);
  }
  REQUIRE(list.at("chosen_groups").size() == compare::groups().size());
  CHECK(list["chosen_groups"][0].at("variants") == compare::groups()[0].members);
  for (std::size_t i = 0; i < known.size(); ++i) {
    const nlohmann::json& v = list["variants"][i];
    INFO(v);
    CHECK(v.at("name") == known[i].name);
    CHECK(v.at("summary") == known[i].about);
    const bool reconstructed = v.at("status") == "reconstructed";
    CHECK((v.at("status") == "no paper") == (v.at("paper") == ""));
    CHECK((reconstructed || v.at("status") == "no paper" || v.at("status") == "from the paper" ||
           v.at("status") == "checked against code"));
    CHECK(reconstructed == known[i].paper.starts_with("reconstructed"));
    CHECK(known[i].paper.ends_with(v.at("paper").get<std::string>()));
    CHECK(compare::expand({"group:" + v.at("group").get<std::string>()}).size() > 0);
    CHECK(v.at("changes").empty() == (v.at("name") == list.at("changes_from")));
  }
  const auto variant = [&](const std::string& name) {
    return *std::find_if(list["variants"].begin(), list["variants"].end(),
                         [&](const auto& v) { return v.at("name") == name; });
  };
  const auto change = [](const char* slot, const char* policy, nlohmann::json numbers) {
    return nlohmann::json{{"slot", slot}, {"policy", policy}, {"numbers", std::move(numbers)}};
  };
  const nlohmann::json none = nlohmann::json::object();
  CHECK(variant("cosine-router").at("changes") ==
        nlohmann::json{change("router", "cosine_router", variant("cosine-router")["changes"][0]["numbers"]),
                       change("select", "top_k", {{"k", 1}}), change("gate", "selected_score", none)});
  CHECK(variant("cosine-router")["changes"][0]["numbers"].contains("temperature"));
  // Slots that make no difference to a model without a mixture are no changes, another number alone is one.
  CHECK(variant("dense").at("changes") == nlohmann::json{change("placement", "no_block", none)});
  CHECK(variant("task-moe").at("changes")[1] == change("select", "top_k", {{"k", 1}}));
  CHECK(variant("expert-choice").at("reach") == nlohmann::json{{"training", "batch"}, {"evaluation", "past"}});
  CHECK(variant("smoe").at("reach") == nlohmann::json{{"training", "past"}, {"evaluation", "past"}});
}
