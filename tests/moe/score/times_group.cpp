#include "gmoe/moe/score/times_group.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/score/plain_score.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/score/times_group: an expert's score times its group's", B, GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(table(1, 4, {1, 2, 3, 4}), {0});
  r.note("group_scores", variable<B>(put<B>(table(1, 2, {10, 100}))));
  policy_alone<B, times_group<plain_score>> score;
  CHECK(difference(get<B>(score.ask(hooks::scores{}, context<B>{}, r).value()), table(1, 4, {10, 20, 300, 400})) == 0);
}
