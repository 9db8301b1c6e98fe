#include "gmoe/moe/expert_budget.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

constexpr id_type no_one = no_choice;
using lists = std::vector<std::vector<id_type>>;

expert_budget one_layer_budget(std::vector<bool> in_memory, lists buddies, absence how = {}) {
  return expert_budget({{.in_memory = std::move(in_memory), .buddies = std::move(buddies)}}, how);
}
std::vector<id_type> runs(const expert_budget& budget, const std::vector<id_type>& asked, index_t slots) {
  return budget.substitutes(budget.layers().front(), asked, slots);
}

/// T x K choices of N experts, with these weights, as they are after the budget.
template <class B>
routing<B> kept_within(const expert_budget& budget, const std::vector<id_type>& chosen, const table& weights,
                       index_t experts, const context<B>& ctx = {}) {
  routing<B> r = routing_of<B>(table(weights.rows, experts, 0.5), chosen);
  r.kept = r.chosen;
  r.weights = variable<B>(put<B>(weights));
  keep_within(budget, ctx, r);
  return r;
}

}  // namespace

TEST_CASE("moe/expert_budget: the first buddy that is there and that the token does not ask, slot after slot") {
  const lists buddies{{1, 2, 3}, {0, 3, 2}, {3, 0, 1}, {2, 1, 0}};
  const expert_budget budget = one_layer_budget({true, false, false, true}, buddies);
  CHECK(runs(budget, {0, 3, 3, 0}, 1) == std::vector<id_type>{0, 3, 3, 0});
  CHECK(runs(budget, {1, 2, 1, 2}, 1) == std::vector<id_type>{0, 3, 0, 3});
  // A buddy that the token asks anyway, in whatever slot, is passed over; where it takes one, the next does not.
  CHECK(runs(budget, {1, 0, 0, 1}, 2) == std::vector<id_type>{3, 0, 0, 3});
  CHECK(runs(budget, {1, 2, 2, 1}, 2) == std::vector<id_type>{0, 3, 3, 0});
  // Nobody is left for the last slot.
  CHECK(runs(budget, {1, 3, 2}, 3) == std::vector<id_type>{0, 3, no_one});
  CHECK(runs(budget, {2, no_one, 1, no_one, no_one, no_one}, 3) ==
        std::vector<id_type>{3, no_one, 0, no_one, no_one, no_one});
  // Without a list there is nobody.
  CHECK(runs(one_layer_budget({true, false, false}, {{}, {2}, {1, 0}}), {1, 2, 1, 2}, 1) ==
        std::vector<id_type>{no_one, 0, no_one, 0});
}

TEST_CASE("moe/expert_budget: dropping") {
  const expert_budget budget =
      one_layer_budget({true, false, false, true}, {{1, 2, 3}, {0, 3, 2}, {3, 0, 1}, {2, 1, 0}}, {.substitute = false});
  CHECK(runs(budget, {0, 1, 2, 3, 1, 2}, 2) == std::vector<id_type>{0, no_one, no_one, 3, no_one, no_one});
}

TEST_CASE_TEMPLATE("moe/expert_budget: a slot keeps the weight of the expert that was asked", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const expert_budget budget = one_layer_budget({true, false, true}, {{}, {0, 2}, {}});
  const table w(3, 2, {0.75, 0.25, 0.5, 0.125, 1, 2});
  const routing<B> r = kept_within<B>(budget, {1, 0, 0, 2, 2, 1}, w, 3);
  CHECK(r.kept.to_host() == std::vector<id_type>{2, 0, 0, 2, 2, 0});
  CHECK(r.chosen.to_host() == std::vector<id_type>{1, 0, 0, 2, 2, 1});
  CHECK(get(r.weights.value()).values == w.values);
  budget_pairs pairs;
  budget.count(r, pairs);
  CHECK(pairs.asked == 6);
  CHECK(pairs.absent == 2);
  CHECK(pairs.substituted == 2);
  CHECK(pairs.substitution_rate() == doctest::Approx(1.0 / 3));
  CHECK(pairs.dropping_rate() == 0);
}

TEST_CASE_TEMPLATE("moe/expert_budget: what is left of a token's weights, as it is or with the sum that it had", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const std::vector<id_type> chosen{0, 1, 1, 2, 0, 2, 1, no_one};
  const table w(4, 2, {0.75, 0.25, 0.5, 0.25, 0.5, 0.5, 1, 7});
  const routing<B> plain =
      kept_within<B>(one_layer_budget({true, false, true}, lists(3), {.substitute = false}), chosen, w, 3);
  CHECK(plain.kept.to_host() == std::vector<id_type>{0, no_one, no_one, 2, 0, 2, no_one, no_one});
  CHECK(get(plain.weights.value()).values == w.values);

  const absence how{.substitute = false, .renormalise = true};
  const routing<B> r = kept_within<B>(one_layer_budget({true, false, true}, lists(3), how), chosen, w, 3);
  CHECK(r.kept.to_host() == plain.kept.to_host());
  const auto v = get(r.weights.value()).values;
  CHECK(v[0] == doctest::Approx(1));
  CHECK(v[3] == doctest::Approx(0.75));
  CHECK(v[4] == doctest::Approx(0.5));  // its token has lost nobody
  CHECK(v[5] == doctest::Approx(0.5));
  for (const double each : v) CHECK(std::isfinite(each));  // the last token has nobody

  budget_pairs pairs;
  one_layer_budget({true, false, true}, lists(3), how).count(r, pairs);
  CHECK(pairs.asked == 7);
  CHECK(pairs.dropping_rate() == doctest::Approx(3.0 / 7));

  // Weight 1 of a gate that says nothing.
  routing<B> ones = routing_of<B>(table(2, 3, 0.5), {0, 1, 0, 2});
  ones.kept = ones.chosen;
  keep_within(one_layer_budget({true, false, true}, lists(3), how), context<B>{}, ones);
  CHECK(get(ones.weights.value()).values[0] == 2);
  CHECK(get(ones.weights.value()).values[2] == 1);
}

TEST_CASE_TEMPLATE("moe/expert_budget: with everybody in memory nothing is touched", B, GMOE_TEST_MODULE_BACKENDS) {
  const table w(2, 2, {0.75, 0.25, 0.5, 0.125});
  const absence how{.renormalise = true};
  for (const expert_budget& budget : {one_layer_budget({true, true, true}, lists(3), how),
                                      one_layer_budget({true, true, false}, {{}, {}, {0}}, how)}) {
    const routing<B> r = kept_within<B>(budget, {1, 0, 0, 1}, w, 3);
    CHECK(std::as_const(r.kept).data() == std::as_const(r.chosen).data());
    CHECK(get(r.weights.value()).values == w.values);
  }
  const expert_budget alone = one_layer_budget({true}, {{}});
  CHECK(kept_within<B>(alone, {0, 0}, table(2, 1, 0.5), 1).kept.to_host() == std::vector<id_type>{0, 0});
}

TEST_CASE("moe/expert_budget: refusals name what is wrong") {
  using B = GMOE_TEST_BACKEND<double>;
  const auto of = [](const auto& f) { return refusal(f); };
  CHECK(of([] {
          one_layer_budget({false, false}, lists(2));
        }) == "mixture number 0: none of 2 experts is in memory, expected at least one");
  CHECK(of([] {
          one_layer_budget({true, false}, lists(3));
        }) == "mixture number 0: lists of buddies for 3 of 2 experts");
  CHECK(of([] {
          one_layer_budget({true, false}, {{}, {2}});
        }) == "mixture number 0: a buddy of expert 1 is 2, expected 0 to 1");
  CHECK(of([] {
          one_layer_budget({true, false}, {{}, {1}});
        }) == "mixture number 0: expert 1 is in its own list of buddies");
  CHECK(of([] {
          one_layer_budget({true, false, true}, {{}, {2, 0, 2}, {}});
        }) == "mixture number 0: expert 2 is twice among the buddies of 1");
  CHECK(of([] {
          const expert_budget::layer l{"first", 2, {true}, {{}}};
          expert_budget({l, l});
        }) == "an expert budget has mixture number 2 of 'first' twice");

  const expert_budget budget = one_layer_budget({true, false}, {{}, {0}});
  const table w(1, 1, 0.5);
  CHECK(of([&] { kept_within<B>(budget, {0}, w, 2, training_context<B>()); }) ==
        "block 0: an expert budget is a rule at inference, but this pass trains");
  const replay<B> recorded;
  CHECK(of([&] { kept_within<B>(budget, {0}, w, 2, {.replay = &recorded}); }) ==
        "block 0: a replayed routing is taken as it was recorded, so a replay has no expert budget");
  CHECK(of([&] { kept_within<B>(budget, {0}, w, 3); }) == "mixture number 0 has 3 experts, but its budget is for 2");
  CHECK(of([&] { budget.of("first", 0, 2); }) == "the expert budget says nothing of mixture number 0 of 'first'");
}
