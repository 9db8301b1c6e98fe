#include "gmoe/moe/select/expert_choice.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "gmoe/moe/select/best_pairs.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

layer_shape layer_of_three() {
  layer_shape l;
  l.experts = 3;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/select/expert_choice: c tokens for every expert, by hand", B, GMOE_TEST_BACKENDS) {
  const table s(4, 3,
                {0.6, 0.3, 0.1,  //
                 0.6, 0.2, 0.2,  //
                 0.1, 0.2, 0.7,  //
                 0.2, 0.5, 0.3});
  routing<B> r = routing_of<B>(s, std::vector<id_type>(12, no_choice));
  policy_alone<B, expert_choice> select({.factor = 1}, {layer_of_three()});
  const auto chosen = [&] { return select.ask(hooks::choose{}, training_context<B>(), r).to_host(); };
  // One token each, of equal ones the earlier.
  CHECK(chosen() == std::vector<id_type>{0, -1, -1, -1, -1, -1, -1, -1, 2, -1, 1, -1});
  select.policy.factor = 1.5;
  CHECK(chosen() == std::vector<id_type>{0, 1, -1, 0, -1, -1, -1, -1, 2, -1, 1, 2});
  // An expert that nobody may ask takes nobody.
  r.mask = put<B>(table(1, 3, {1, 0, 1}));
  CHECK(chosen() == std::vector<id_type>{0, -1, -1, 0, -1, -1, -1, -1, 2, -1, -1, 2});
  r.mask = put<B>(table(4, 3, {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}));
  CHECK(chosen() == std::vector<id_type>{-1, 1, -1, 0, -1, -1, -1, -1, 2, -1, 1, -1});
  // In evaluation, whose score is above a third, best first; thresholds are what was seen after a step.
  r.mask = {};
  const auto asked = [&] { return select.ask(hooks::choose{}, context<B>{}, r).to_host(); };
  CHECK(asked() == std::vector<id_type>{0, -1, -1, 0, -1, -1, 2, -1, -1, 1, -1, -1});
  select.mine().layer.threshold.value() = put<B>(table(1, 3, {0.59, 0.1, 0.25}));
  CHECK(asked() == std::vector<id_type>{1, 0, -1, 1, 0, -1, 2, 1, -1, 1, 2, -1});
  r.mask = put<B>(table(1, 3, {1, 0, 1}));
  CHECK(asked() == std::vector<id_type>{0, -1, -1, 0, -1, -1, 2, -1, -1, 2, -1, -1});
  // Nobody at all.
  routing<B> none;
  none.experts = 3;
  none.scores = variable<B>(matrix<B>(0, 3));
  CHECK(select.ask(hooks::choose{}, training_context<B>(), none).rows() == 0);
  CHECK(select.ask(hooks::choose{}, context<B>{}, none).rows() == 0);
}

TEST_CASE_TEMPLATE("moe/select/best_pairs: a budget for all", B, GMOE_TEST_BACKENDS) {
  const table s(2, 3, {0.6, 0.3, 0.1, 0.3, 0.2, 0.5});
  routing<B> r = routing_of<B>(s, std::vector<id_type>(6, no_choice));
  policy_alone<B, best_pairs> select({.k = 1.5}, {layer_of_three()});
  const auto chosen = [&](const context<B>& ctx) { return select.ask(hooks::choose{}, ctx, r).to_host(); };
  CHECK(chosen(training_context<B>()) == std::vector<id_type>{0, 1, -1, -1, -1, 2});
  select.policy.k = 0.1;  // one at least
  CHECK(chosen(training_context<B>()) == std::vector<id_type>{0, -1, -1, -1, -1, -1});
  select.policy.k = 9;  // all there are
  CHECK(chosen(training_context<B>()) == std::vector<id_type>{0, 1, 2, 0, 1, 2});
  r.mask = put<B>(table(1, 3, {1, 1, 0}));
  CHECK(chosen(training_context<B>()) == std::vector<id_type>{0, 1, -1, 0, 1, -1});
  select.mine().layer.threshold.value() = put<B>(table(1, 1, {0.25}));
  CHECK(chosen(context<B>{}) == std::vector<id_type>{0, 1, -1, 0, -1, -1});
}
