#include "gmoe/moe/select/top_k.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/softmax.hpp"
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

TEST_CASE_TEMPLATE("moe/select/top_k: what is not a number is chosen, and different experts in any case", B,
                   GMOE_TEST_BACKENDS) {
  sizes s;
  const variable<B> one(put<B>(table(2, 4, {0.1, 0.4, not_a_number, 0.3, 0.1, 0.4, 0.2, 0.3})));
  CHECK(top_k<2>::choose(context<B>{}, s, one).to_host() == std::vector<id_type>{2, 1, 1, 3});
  const variable<B> all = softmax_rows(one);  // a logit makes the whole row NaN
  CHECK(top_k<3>::choose(context<B>{}, s, all).to_host() == std::vector<id_type>{0, 1, 2, 1, 3, 2});
}

TEST_CASE_TEMPLATE("moe/select/top_k: more choices than experts are refused", B, GMOE_TEST_BACKENDS) {
  const variable<B> scores(put<B>(table(2, 3, 0.5)));
  CHECK(refusal([&] { top_k<4>::choose(context<B>{}, sizes{}, scores); }) ==
        "top_k = 4 experts per token, but there are only 3");
}
