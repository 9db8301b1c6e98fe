#include "gmoe/moe/select/top_k.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/select/top_k: largest first, ties towards the lower expert", B, GMOE_TEST_BACKENDS) {
  const variable<B> scores(put<B>(table(4, 4,
                                        {0.1, 0.4, 0.2, 0.3,      //
                                         0.25, 0.25, 0.25, 0.25,  //
                                         0.1, 0.4, 0.1, 0.4,      //
                                         0.7, 0.1, 0.1, 0.1})));
  sizes s;
  CHECK(top_k<1>::choose(context<B>{}, s, scores).to_host() == std::vector<id_type>{1, 0, 1, 0});
  CHECK(top_k<2>::choose(context<B>{}, s, scores).to_host() == std::vector<id_type>{1, 3, 0, 1, 1, 3, 0, 1});
  CHECK(top_k<4>::choose(context<B>{}, s, scores).to_host() ==
        std::vector<id_type>{1, 3, 2, 0, 0, 1, 2, 3, 1, 3, 0, 2, 0, 1, 2, 3});
  s.top_k = 3;  // overrides the card's own
  CHECK(top_k<1>::slots(s) == 3);
  CHECK(top_k<1>::choose(context<B>{}, s, scores).cols() == 3);
}
