#include "gmoe/moe/score/softmax_score.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/score/softmax_score: rows that sum to one", B, GMOE_TEST_MODULE_BACKENDS) {
  const table z = random_table(6, 5, 1, -4, 4);
  routing<B> r;
  r.logits = variable<B>(put<B>(z));
  CHECK(difference(get(policy_alone<B, softmax_score>().ask(hooks::scores{}, context<B>{}, r).value()), softmax(z)) <
        1e-6);
}
