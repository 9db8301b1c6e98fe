// GMoE and its ablations against the equations, with gradients; then against finite differences where they can see
// what the tape computes.
#include <doctest/doctest.h>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;

namespace {

template <class Card>
void check(naive::variant v, const Card& card = gmoe_test::small_card<Card>()) {
  const sizes s = gmoe_test::small_sizes();
  for (const bool training : {false, true}) {
    language_model<Card, gmoe_test::model_backend> model(s, card);
    gmoe_test::randomise(model);
    gmoe_test::compare_with_naive(model, v, text(2, 5, s.vocab), training);
  }
}

naive::variant gmoe_equations() {
  naive::variant v;
  v.always = 12;
  return v;
}

}  // namespace

TEST_CASE("model/cards: GMoE") { check<gmoe_card>(gmoe_equations()); }

TEST_CASE("model/cards: GMoE without the local expert") {
  naive::variant v = gmoe_equations();
  v.always = 0;
  check<gmoe_no_local_card>(v);
}

TEST_CASE("model/cards: GMoE with two global experts instead of the local one") {
  naive::variant v = gmoe_equations();
  v.always = 0;
  v.k = 2;
  v.room = naive::room::no_local;
  check<gmoe_no_local_top2_card>(v);

  language_model<gmoe_no_local_top2_card, gmoe_test::model_backend> model(
      gmoe_test::small_sizes(), gmoe_test::small_card<gmoe_no_local_top2_card>());
  gmoe_test::randomise(model);
  CHECK(gmoe_test::dropped(gmoe_test::losses_of(model, text(2, 5, 11), true).found) > 0);
  CHECK(gmoe_test::dropped(gmoe_test::losses_of(model, text(2, 5, 11), false).found) == 0);
}

TEST_CASE("model/cards: GMoE without logit propagation") {
  naive::variant v = gmoe_equations();
  v.propagates = false;
  check<gmoe_no_logits_card>(v);
}

TEST_CASE("model/cards: GMoE without the router's state") {
  naive::variant v = gmoe_equations();
  v.state = false;
  check<gmoe_no_state_card>(v);
}

TEST_CASE("model/cards: GMoE without state and propagation") {
  naive::variant v = gmoe_equations();
  v.state = v.propagates = false;
  check<with<gmoe_card, global_router<>>>(v);
}

TEST_CASE("model/cards: GMoE without the global pool") {
  naive::variant v = gmoe_equations();
  v.one_pool = false;
  check<gmoe_no_global_card>(v);
}

TEST_CASE("model/cards: GMoE in every second block, the state passes through the others") {
  naive::variant v = gmoe_equations();
  v.mixture = {true, false, true};
  check<gmoe_every_second_card>(v);
}

TEST_CASE("model/cards: GMoE with fine-grained experts") {
  auto card = gmoe_test::small_card<gmoe_fine_grained_card>();
  card.experts.granularity = 3;
  naive::variant v = gmoe_equations();
  v.experts = 12;
  v.width = 4;
  v.k = 3;
  check(v, card);
}

TEST_CASE("model/cards: GMoE with the gradient cut elsewhere") {
  naive::variant v = gmoe_equations();
  v.where = naive::cut::projected;
  check<with<gmoe_card, global_router<hidden_state, propagate<cut::projected>>>>(v);
  v.where = naive::cut::nowhere;
  check<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>(v);
}

TEST_CASE("model/cards: GMoE with the joint balance loss") {
  naive::variant v = gmoe_equations();
  v.balance = naive::balance::joint;
  check<with<gmoe_card, joint_switch_loss>>(v);
}
