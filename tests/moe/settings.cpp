#include "gmoe/moe/settings.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/router/jittered.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using gmoe_test::refusal;

namespace {

template <class Card>
std::string names() {
  std::string all;
  each_setting(Card{}, [&](const setting& s) { all += s.path() + "=" + s.text() + " "; });
  return all;
}

/// A policy in a policy in a policy.
template <class Router>
struct scaled {
  using slot = slots::router;
  double by = 2;
  Router of{};
  static constexpr auto fields = std::tuple{field{"by", &scaled::by, "a factor", above(0)}};
};
using nested = with<smoe_card, scaled<jittered<linear_router>>>;

/// A form that needs scores, but no weights and no limit.
struct scored {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body, slots::router, slots::score>;
};
struct scored_card : switch_card {
  scored form{};
  unused<slots::select> select{};
  no_capacity capacity{};
  unit_weight gate{};
  no_balance balance{};
};
struct around_scored {
  using slot = slots::form;
  scored of{};
};

struct forgetful {
  using slot = slots::balance;
  double alpha = 1, more = 2;
  static constexpr auto all() { return 0; }
};

template <class Card>
std::string change(std::string_view name, std::string_view value) {
  return refusal([&] {
    Card card{};
    change_setting(card, name, value);
  });
}

}  // namespace

TEST_CASE("moe/settings: every number of a card, in the order of slots") {
  CHECK(names<switch_card>() ==
        "select.k=1 capacity.factor=1.25 capacity.order=token_order capacity.room=rounded_up balance.alpha=0.01 "
        "placement.first=0 ");
  CHECK(names<smoe_card>() == "select.k=2 balance.alpha=0.01 ");
  CHECK(names<gmoe_fine_grained_card>() ==
        "experts.granularity=2 experts.shared_experts=0 select.k=1 balance.alpha=0.01 ");
  CHECK(names<nested>() == "router.by=2 router.of.epsilon=0.01 select.k=2 balance.alpha=0.01 ");
  CHECK(names<with<smoe_card, listed_blocks>>() == "select.k=2 balance.alpha=0.01 placement.blocks= ");
}

TEST_CASE("moe/settings: what a card without a mixture does not use, it does not have") {
  CHECK(names<dense_card>() == "");
  CHECK_FALSE(has_setting<dense_card>("balance.alpha"));
  CHECK(uses_slot<dense_card, slots::dense>);
  CHECK(uses_slot<dense_card, slots::attention>);
  CHECK_FALSE(uses_slot<dense_card, slots::router>);
  CHECK(uses_slot<switch_card, slots::router>);
  CHECK(change<dense_card>("balance.alpha", "1") ==
        "there is no number 'balance.alpha' in the card dense; it has none");
}

TEST_CASE("moe/settings: what a form does not use, its card does not have") {
  CHECK(names<scored_card>() == "placement.first=0 ");
  CHECK(uses_slot<scored_card, slots::score>);
  CHECK_FALSE(uses_slot<scored_card, slots::select>);
  CHECK(uses_slot<scored_card, slots::form>);
  CHECK(uses_slot<scored_card, slots::placement>);
  // A wrapper uses what is in it; a form that says nothing uses all.
  CHECK_FALSE(form_uses<with<smoe_card, around_scored>, slots::gate>);
  CHECK(form_uses<with<smoe_card, around_scored>, slots::body>);
  CHECK(form_uses<smoe_card, slots::gate>);
  // What nobody answers is unused, or has an answer of its own.
  struct bare {
    scored form{};
  };
  CHECK(std::is_same_v<answer<bare, slots::select>, unused<slots::select>>);
  CHECK(std::is_same_v<answer<bare, slots::candidates>, all_experts>);
}

TEST_CASE("moe/settings: set by name") {
  nested card;
  change_setting(card, "router.of.epsilon", "0.25");
  change_setting(card, "router.by", "3");
  change_setting(card, "select.k", "4");
  CHECK(card.router.of.epsilon == 0.25);
  CHECK(card.router.by == 3);
  CHECK(card.select.k == 4);
  switch_card limited;
  change_setting(limited, "capacity.order", "choice_order");
  change_setting(limited, "capacity.room", "exact");
  CHECK(limited.capacity.order == priority::choice_order);
  CHECK(limited.capacity.room == room::exact);
  with<smoe_card, listed_blocks> listed;
  change_setting(listed, "placement.blocks", "0 2,4");
  CHECK(listed.placement.blocks == std::vector<index_t>{0, 2, 4});
  CHECK(has_setting<nested>("router.of.epsilon"));
  CHECK_FALSE(has_setting<nested>("router.epsilon"));
}

TEST_CASE("moe/settings: names that are not there, with the nearest that is") {
  CHECK(change<smoe_card>("balance.alhpa", "1") ==
        "there is no number 'balance.alhpa' in the card smoe; did you mean 'balance.alpha'? It has select.k, "
        "balance.alpha");
  CHECK(change<smoe_card>("selct.k", "1").find("did you mean 'select.k'?") != std::string::npos);
  CHECK(change<nested>("router.of.epsilom", "1").find("did you mean 'router.of.epsilon'?") != std::string::npos);
  CHECK(change<smoe_card>("capacity.factor", "1").find("there is no number 'capacity.factor'") == 0);
}

TEST_CASE("moe/settings: values that a number may not have") {
  CHECK(change<smoe_card>("select.k", "0") == "select.k is 0, expected at least 1");
  CHECK(change<smoe_card>("select.k", "two") == "select.k is 'two', expected a whole number");
  CHECK(change<smoe_card>("balance.alpha", "-1") == "balance.alpha is -1, expected 0 or more");
  CHECK(change<switch_card>("placement.first", "2") == "placement.first is 2, expected [0, 1]");
  CHECK(change<switch_card>("capacity.order", "last") ==
        "capacity.order is 'last', expected one of token_order, choice_order, within_choice");
  CHECK(change<nested>("router.of.epsilon", "-1") == "router.of.epsilon is -1, expected 0 or more");
  nested card;
  CHECK_NOTHROW(check_settings(card));
  card.router.of.epsilon = -1;
  CHECK(refusal([&] { check_settings(card); }) == "router.of.epsilon is -1, expected 0 or more");
  // A refused value changes nothing.
  CHECK(refusal([&] { change_setting(card, "select.k", "-3"); }) != "");
  CHECK(card.select.k == 2);
}

TEST_CASE("moe/settings: what wraps and what does not, and who lists all numbers") {
  CHECK(wraps<jittered<linear_router>>);
  CHECK_FALSE(wraps<linear_router>);
  CHECK(detail::lists_all_fields<switch_loss>());
  CHECK(detail::lists_all_fields<jittered<linear_router>>());
  CHECK(detail::lists_all_fields<linear_router>());
  CHECK_FALSE(detail::lists_all_fields<forgetful>());
}

TEST_CASE("moe/settings: one number, whatever its type") {
  with<switch_card, listed_blocks> card{.placement = {.blocks = {1, 3}}};
  const std::vector<setting> all = settings_of(card);
  const auto of = [&](std::string_view path) -> const setting& {
    for (const setting& s : all)
      if (s.path() == path) return s;
    throw config_error(concat("no ", path));
  };
  CHECK(of("select.k").value() == setting_value(index_t{1}));
  CHECK(of("capacity.factor").value() == setting_value(1.25));
  CHECK(of("capacity.order").value() == setting_value(std::string("token_order")));
  CHECK(of("placement.blocks").value() == setting_value(std::vector<index_t>{1, 3}));
  CHECK(of("placement.blocks").text() == "1 3");
  CHECK(of("select.k").help() == "experts per token");
  CHECK(of("select.k").is_whole_number());
  CHECK_FALSE(of("capacity.factor").is_whole_number());
  CHECK(of("select.k").takes() == "a whole number, at least 1");
  CHECK(of("capacity.factor").takes() == "a positive number");
  CHECK(of("balance.alpha").takes() == "a number, 0 or more");
  CHECK(of("capacity.order").takes() == "one of token_order, choice_order, within_choice");
  CHECK(of("placement.blocks").takes() == "a list of whole numbers, 0 or more");
  of("balance.alpha").read("0.5");  // the value lies in the card
  CHECK(card.balance.alpha == 0.5);
  card.balance.alpha = -2;
  CHECK(refusal([&] { of("balance.alpha").check(); }) == "balance.alpha is -2, expected 0 or more");
}
