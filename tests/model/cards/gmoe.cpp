// GMoE and its ablations against the equations, with gradients; then against finite differences where they can see
// what the tape computes.
#include <doctest/doctest.h>

#include <string_view>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;

namespace {

void check_ablation(std::string_view card, const naive::variant& v, const gmoe_test::numbers& set = {}) {
  const sizes s = gmoe_test::small_sizes();
  for (const bool training : {false, true}) {
    const auto model = gmoe_test::small_model(card, s, set);
    gmoe_test::randomise(*model);
    gmoe_test::compare_with_naive(*model, v, text(2, 5, s.vocab), training);
  }
}
/// A card that has no name.
template <class Card>
void check_ablation(const naive::variant& v) {
  for (const bool training : {false, true}) {
    auto model = gmoe_test::small_model<Card>();
    gmoe_test::randomise(model);
    gmoe_test::compare_with_naive(model, v, text(2, 5, model.shape().vocab), training);
  }
}

naive::variant gmoe_equations() {
  naive::variant v;
  v.always = 12;
  return v;
}

}  // namespace

TEST_CASE("model/cards: GMoE") { check_ablation("gmoe", gmoe_equations()); }

TEST_CASE("model/cards: GMoE without the local expert") {
  naive::variant v = gmoe_equations();
  v.always = 0;
  check_ablation("gmoe-no-local", v);
}

TEST_CASE("model/cards: GMoE with two global experts instead of the local one") {
  naive::variant v = gmoe_equations();
  v.always = 0;
  v.k = 2;
  v.room = naive::room::no_local;
  check_ablation("gmoe-no-local-top2", v);

  const auto model = gmoe_test::small_model("gmoe-no-local-top2");
  gmoe_test::randomise(*model);
  CHECK(gmoe_test::dropped(gmoe_test::losses_of(*model, text(2, 5, 11), true).found) > 0);
  CHECK(gmoe_test::dropped(gmoe_test::losses_of(*model, text(2, 5, 11), false).found) == 0);
}

TEST_CASE("model/cards: GMoE without logit propagation") {
  naive::variant v = gmoe_equations();
  v.propagates = false;
  check_ablation("gmoe-no-logits", v);
}

TEST_CASE("model/cards: GMoE without the router's state") {
  naive::variant v = gmoe_equations();
  v.state = false;
  check_ablation("gmoe-no-state", v);
}

TEST_CASE("model/cards: GMoE without state and propagation") {
  naive::variant v = gmoe_equations();
  v.state = v.propagates = false;
  check_ablation<with<gmoe_card, global_router<>>>(v);
}

TEST_CASE("model/cards: GMoE without the global pool") {
  naive::variant v = gmoe_equations();
  v.one_pool = false;
  check_ablation("gmoe-no-global", v);
}

TEST_CASE("model/cards: GMoE in every second block, the state passes through the others") {
  naive::variant v = gmoe_equations();
  v.mixture = {true, false, true};
  check_ablation("gmoe-every-second", v);
}

TEST_CASE("model/cards: GMoE with fine-grained experts") {
  naive::variant v = gmoe_equations();
  v.experts = 12;
  v.width = 4;
  v.k = 3;
  check_ablation("gmoe-fine-grained", v, {{"experts.granularity", "3"}});
}

TEST_CASE("model/cards: GMoE with the gradient cut elsewhere") {
  naive::variant v = gmoe_equations();
  v.where = naive::cut::projected;
  check_ablation<with<gmoe_card, global_router<hidden_state, propagate<cut::projected>>>>(v);
  v.where = naive::cut::nowhere;
  check_ablation<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>(v);
}

TEST_CASE("model/cards: GMoE with the joint balance loss") {
  naive::variant v = gmoe_equations();
  v.balance = naive::balance::joint;
  check_ablation<with<gmoe_card, joint_switch_loss>>(v);
}
