#include "gmoe/model/any_card.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "moe_checks.hpp"

using namespace gmoe;

namespace {

using by_name = card_list<switch_card, dense_card>;

}  // namespace

TEST_CASE("model/any_card: says what the card says") {
  const any_card any = make_card<by_name>("switch");
  CHECK(any.text().summary == switch_card::text.summary);
  CHECK(any.as<switch_card>().capacity.factor == switch_card{}.capacity.factor);
  CHECK(describe(any) == describe<switch_card>());
  CHECK(describe(any, detail_level::brief) == describe<switch_card>({}, detail_level::brief));
  CHECK(describe(gmoe_test::small_sizes(), any) == describe<switch_card>(gmoe_test::small_sizes()));
  CHECK(any.reach(true).how == reach::batch);
  CHECK(any.reach(true).slot == "capacity");
  CHECK(any.reach(false).how == reach::past);
  CHECK(any.has_mixture(gmoe_test::small_sizes(), 0) !=
        any.has_mixture(gmoe_test::small_sizes(), 1));  // every second block
  CHECK(any.has_experts());
  CHECK_FALSE(make_card<by_name>("dense").has_experts());
  CHECK_FALSE(any.computes_shared_experts());

  const model_cost cost = cost_of(gmoe_test::small_sizes(), any),
                   expected = cost_of<switch_card>(gmoe_test::small_sizes());
  CHECK(cost.total == expected.total);
  CHECK(cost.active == expected.active);
  index_t numbers = 0;
  for (const parameter_shape& p : any.parameters(gmoe_test::small_sizes())) numbers += p.rows * p.cols;
  CHECK(numbers == cost.total);
  CHECK(any.parameters(gmoe_test::small_sizes()).front().name == "wte");
}

TEST_CASE("model/any_card: numbers by name; a copy has its own") {
  any_card card = make_card<by_name>("switch");
  change_setting(card, "balance.alpha", "0.5");
  any_card copy = card;
  change_setting(copy, "balance.alpha", "0.75");
  CHECK(card.as<switch_card>().balance.alpha == 0.5);
  CHECK(copy.as<switch_card>().balance.alpha == 0.75);
  CHECK(copy.with_own_numbers().as<switch_card>().balance.alpha == 0.01);
  copy = card;
  CHECK(copy.as<switch_card>().balance.alpha == 0.5);
  CHECK(has_setting(card, "capacity.factor"));
  CHECK_FALSE(has_setting(card, "select.temperature"));
  std::vector<std::string> paths, expected;
  each_setting(card, [&](const setting& s) { paths.push_back(s.path() + " = " + s.text()); });
  each_setting(gmoe::card<switch_card>(switch_loss{.alpha = 0.5}),
               [&](const setting& s) { expected.push_back(s.path() + " = " + s.text()); });
  CHECK(paths == expected);

  const auto message = [&](auto path, auto value) {
    return gmoe_test::config_message([&] { change_setting(card, path, value); });
  };
  switch_card typed;
  CHECK(message("balance.beta", "1") == gmoe_test::config_message([&] { change_setting(typed, "balance.beta", "1"); }));
  CHECK(message("balance.alpha", "-1") ==
        gmoe_test::config_message([&] { change_setting(typed, "balance.alpha", "-1"); }));
  CHECK(gmoe_test::config_message([&] { card.as<dense_card>(); }) == "the card switch is no dense_card");
  CHECK(gmoe_test::config_message([] { make_card<by_name>("gmoe"); }) ==
        "there is no card 'gmoe'; did you mean 'dense'? Known cards: switch, dense");
}
