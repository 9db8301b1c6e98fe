#include "gmoe/moe/slots.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace gmoe;

namespace {
struct my_router {
  using slot = slots::router;
};
struct bare {};
}  // namespace

TEST_CASE("moe/slots: every question once, with a name that can be written as a member's") {
  std::string names;
  std::set<std::string_view> questions;
  for_each_slot([&]<class Slot>(Slot) {
    names += std::string(Slot::name) + " ";
    CHECK(Slot::question.ends_with("?"));
    CHECK(questions.insert(Slot::question).second);
  });
  CHECK(names ==
        "experts body always router candidates score select capacity gate balance placement dense form attention norm "
        "positions head ");
}

TEST_CASE("moe/slots: a policy says which slot it fills") {
  CHECK(policy<my_router>);
  CHECK_FALSE(policy<bare>);
  CHECK_FALSE(policy<int>);
}

TEST_CASE("moe/slots: a slot finds its answer in a card") {
  struct {
    int router = 3;
  } card;
  CHECK(&slots::router::of(card) == &card.router);
}
