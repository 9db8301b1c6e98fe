#include "gmoe/moe/card.hpp"

#include <doctest/doctest.h>

#include <concepts>
#include <type_traits>

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/check_card.hpp"

using namespace gmoe;

namespace {

struct router_a {
  using slot = slots::router;
  double temperature = 1;
  static constexpr auto fields = std::tuple{field{"temperature", &router_a::temperature, "of the logits", above(0)}};
};
struct my_candidates {
  using slot = slots::candidates;
};
struct named_card : switch_card {
  static constexpr card_text text{"named", "", "with a name"};
  top_k select{.k = 2};
};

/// Slots that A and B answer by another type.
template <class A, class B>
constexpr int differences() {
  int count = 0;
  for_each_slot([&]<class Slot>(Slot) { count += !std::same_as<answer<A, Slot>, answer<B, Slot>>; });
  return count;
}

}  // namespace

TEST_CASE("moe/card: the answer is a type, and a value in the card") {
  CHECK(std::same_as<answer<switch_card, slots::router>, linear_router>);
  CHECK(std::same_as<answer<const switch_card, slots::router>, linear_router>);
  CHECK(std::same_as<answer<switch_card, slots::form>, one_pass>);  // the usual
  CHECK(std::same_as<answer<switch_card, slots::candidates>, all_experts>);
  CHECK(std::same_as<answer<switch_card, slots::attention>, gpt2_attention>);
  CHECK(names_slot<switch_card, slots::router>);
  CHECK_FALSE(names_slot<switch_card, slots::form>);
  CHECK(has_default<slots::form>);
  CHECK_FALSE(has_default<slots::router>);

  switch_card card;
  answer_of<slots::select>(card).k = 3;
  CHECK(card.select.k == 3);
  CHECK(answer_of<slots::select>(std::as_const(card)).k == 3);
  CHECK(std::is_const_v<std::remove_reference_t<decltype(answer_of<slots::select>(std::as_const(card)))>>);
  CHECK(std::same_as<decltype(answer_of<slots::form>(card)), one_pass>);
}

TEST_CASE("moe/card: a card that derives changes what it hides, and has the numbers of its own") {
  CHECK(differences<switch_card, named_card>() == 0);
  const named_card card;
  CHECK(answer_of<slots::select>(card).k == 2);
}

TEST_CASE("moe/card: texts") {
  CHECK(text_of<switch_card>.name == "switch");
  CHECK(text_of<named_card>.name == "named");
  CHECK(text_of<named_card>.summary == "with a name");
  CHECK(text_of<with<switch_card, no_capacity>>.name == "");  // another variant, and it has no name
}

TEST_CASE("moe/card: with<> replaces the answer that the policy is for, and no other") {
  CHECK(differences<switch_card, with<switch_card>>() == 0);
  using other_router = with<switch_card, router_a>;
  CHECK(std::same_as<answer<other_router, slots::router>, router_a>);
  CHECK(differences<switch_card, other_router>() == 1);
  using two = with<switch_card, no_capacity, hash_router>;
  CHECK(std::same_as<answer<two, slots::router>, hash_router>);
  CHECK(std::same_as<answer<two, slots::capacity>, no_capacity>);
  CHECK(differences<switch_card, two>() == 2);
  CHECK(differences<two, with<switch_card, hash_router, no_capacity>>() == 0);  // in any order
  using usual = with<switch_card, my_candidates>;
  CHECK(std::same_as<answer<usual, slots::candidates>, my_candidates>);
  CHECK(differences<switch_card, usual>() == 1);
  CHECK(check_slots<two>());
  CHECK(check_slots<usual>());
}

TEST_CASE("moe/card: with<> keeps the numbers of the card, and those of a new policy are its own") {
  CHECK(with<named_card, no_capacity>{}.select.k == 2);
  CHECK(with<named_card, top_k>{}.select.k == 1);
  const with<named_card, router_a> card{.router = {.temperature = 0.5}, .select = {.k = 4}};
  CHECK(card.router.temperature == 0.5);
  CHECK(card.select.k == 4);
  CHECK(card.balance.alpha == 0.01);
}

TEST_CASE("moe/card: with<> applies to its own results, the outer one wins") {
  using nested = with<with<switch_card, router_a, no_capacity>, hash_router>;
  CHECK(std::same_as<answer<nested, slots::router>, hash_router>);
  CHECK(std::same_as<answer<nested, slots::capacity>, no_capacity>);
  CHECK(differences<switch_card, with<nested, linear_router, limited_capacity>>() == 0);
}

TEST_CASE("moe/card: card<> sets numbers, in any order, of derived cards too") {
  const named_card one = card<named_card>(switch_loss{.alpha = 0.5}, top_k{.k = 3});
  const named_card other = card<named_card>(top_k{.k = 3}, switch_loss{.alpha = 0.5});
  for (const named_card& c : {one, other}) {
    CHECK(c.balance.alpha == 0.5);
    CHECK(c.select.k == 3);
    CHECK(c.capacity.factor == 1.25);
  }
  CHECK(card<named_card>().select.k == 2);
  CHECK(card<with<switch_card, router_a>>(router_a{.temperature = 2}).router.temperature == 2);
  static_assert(card<switch_card>(top_k{.k = 7}).select.k == 7);
}
