#include "gmoe/model/registry.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace gmoe;

namespace {
struct own_card : gmoe_card {
  static constexpr card_text text{"mine", "", "a card of one's own"};
};
template <class Card>
std::string name_again() {
  return std::string(text_of<Card>.name);
}
}  // namespace

TEST_CASE("model/registry: every name leads to its card") {
  CHECK(with_card("gmoe", []<class Card>() { return std::is_same_v<Card, gmoe_card>; }));
  CHECK(with_card("hash", []<class Card>() { return std::is_same_v<Card, hash_card>; }));
  CHECK(with_card("gmoe-fine-grained", []<class Card>() { return std::is_same_v<Card, gmoe_fine_grained_card>; }));
  std::set<std::string_view> names;
  for (const card_text& t : all_cards::texts) {
    CHECK(with_card(t.name, []<class Card>() { return name_again<Card>(); }) == t.name);
    CHECK(!t.summary.empty());
    names.insert(t.name);
  }
  CHECK(names.size() == all_cards::texts.size());
  for (const char* name : {"dense",
                           "dense-relu",
                           "smoe",
                           "switch",
                           "switch-se",
                           "gshard",
                           "gshard-paper",
                           "hash",
                           "deepseek-moe",
                           "gmoe",
                           "gmoe-no-local",
                           "gmoe-no-local-top2",
                           "gmoe-no-logits",
                           "gmoe-no-state",
                           "gmoe-no-global",
                           "gmoe-every-second",
                           "gmoe-fine-grained",
                           "gmoe-film",
                           "more",
                           "comet",
                           "comet-plus",
                           "raytraced",
                           "moe-plus-plus",
                           "chain-of-experts",
                           "mh-moe",
                           "mh-moe-v2",
                           "cartesian",
                           "nested",
                           "soft-moe",
                           "stratified",
                           "smear",
                           "sigmoid-shared",
                           "loss-free",
                           "remoe",
                           "laplace",
                           "laplace-hierarchical",
                           "cosine-router",
                           "nexus",
                           "mixer",
                           "pro-moe",
                           "dselect-k",
                           "ida-moe",
                           "deep-moe",
                           "aoe",
                           "molae",
                           "grove",
                           "mu-moe",
                           "compressed-experts",
                           "subspace",
                           "peer",
                           "mov",
                           "molora",
                           "mor1e",
                           "perft",
                           "da-moe",
                           "vq-moe",
                           "noisy-top-k",
                           "xmoe-threshold",
                           "stable-moe",
                           "hyper-moe",
                           "mowe",
                           "thor",
                           "moa",
                           "h-1-heads"})
    CHECK(names.count(name) == 1);
}

TEST_CASE("model/registry: every family has a name and a question, and its cards") {
  std::set<std::string_view> names, questions;
  std::vector<std::string_view> cards;
  for (const card_group& group : all_cards::groups) {
    INFO(group.name);
    CHECK(names.insert(group.name).second);
    CHECK(questions.insert(group.question).second);
    CHECK(group.question.ends_with('?'));
    for (const card_text& t : group.cards) {
      cards.push_back(t.name);
      CHECK(with_family(t.name, []<class Family>() { return group_of<Family>.name; }) == group.name);
    }
  }
  REQUIRE(cards.size() == all_cards::texts.size());
  for (std::size_t i = 0; i < cards.size(); ++i) CHECK(cards[i] == all_cards::texts[i].name);
  // A family of one's own may have none.
  using mine = card_families<switch_cards, card_list<own_card>>;
  CHECK(mine::groups[0].name == "switch");
  CHECK(mine::groups[1].name.empty());
  CHECK(mine::groups[1].cards[0].name == "mine");
}

TEST_CASE("model/registry: a list of one's own, with a card of one's own") {
  using mine = card_list<switch_card, own_card>;
  bool called = false;
  with_card<mine>("mine", [&]<class Card>() { called = std::is_same_v<Card, own_card>; });
  CHECK(called);
  CHECK_THROWS_AS(with_card<mine>("gmoe", []<class Card>() {}), config_error);  // known, but not in the list
}

TEST_CASE("model/registry: an unknown name suggests the nearest") {
  const auto message = [](std::string_view name) -> std::string {
    try {
      with_card(name, []<class Card>() {});
    } catch (const config_error& e) {
      return e.what();
    }
    return "";
  };
  CHECK(message("gshrad").find("there is no card 'gshrad'; did you mean 'gshard'?") == 0);
  CHECK(message("gmoe-no-logit").find("did you mean 'gmoe-no-logits'?") != std::string::npos);
  CHECK(message("").find("Known cards: dense, dense-relu, ") != std::string::npos);
}
