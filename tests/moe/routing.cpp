#include "gmoe/moe/routing.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/routing: what policies note for others", B, GMOE_TEST_MODULE_BACKENDS) {
  routing<B> r;
  r.block = 3;
  const variable<B> one(put<B>(table(1, 2, 0.5))), two(put<B>(table(2, 1, 0.25)));
  CHECK(refusal([&] { r.noted("group_scores"); }) ==
        "block 3: no policy has noted 'group_scores' in the routing; there are no notes");
  std::as_const(r).note("group_scores", one);  // policies see a constant routing
  r.note("thresholds", two);
  CHECK(r.noted("group_scores").value().data() == one.value().data());
  CHECK(std::as_const(r).noted("thresholds").value().data() == two.value().data());
  CHECK(refusal([&] { r.noted("group_score"); }) ==
        "block 3: no policy has noted 'group_score' in the routing; there is group_scores, thresholds");
  const routing<B> copy = r;
  CHECK(copy.noted("group_scores").value().data() == one.value().data());
}
