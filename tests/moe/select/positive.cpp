#include "gmoe/moe/select/positive.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/select/positive: those above 0, lower numbers first, none or all", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(table(3, 3, {0, 0.25, 0.75, 0, 0, 0, 0.5, 1e-30, 0.5}), {0, 0, 0});
  const id_type no = no_choice;
  CHECK(policy_alone<B, positive>().ask(hooks::choose{}, context<B>{}, r).to_host() ==
        std::vector<id_type>{1, 2, no, no, no, no, 0, 1, 2});
  layer_shape l;
  l.experts = 5;
  CHECK(positive{}.at_most(l) == 5);
}
