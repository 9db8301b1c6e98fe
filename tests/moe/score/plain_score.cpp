#include "gmoe/moe/score/plain_score.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/score/plain_score: the logits themselves", B, GMOE_TEST_MODULE_BACKENDS) {
  routing<B> r;
  r.logits = variable<B>(put<B>(random_table(3, 2, 1)));
  CHECK(policy_alone<B, plain_score>().ask(hooks::scores{}, context<B>{}, r).value().data() == r.logits.value().data());
}
