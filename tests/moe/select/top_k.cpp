#include "gmoe/moe/select/top_k.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/softmax.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
std::vector<id_type> choose(index_t k, const variable<B>& scores, const layer_shape& l = {}) {
  routing<B> r;
  r.scores = scores;
  const id_matrix<B> chosen = policy_alone<B, top_k>({.k = k}, {l}).ask(hooks::choose{}, context<B>{}, r);
  CHECK(chosen.rows() == scores.rows());
  return chosen.to_host();
}

layer_shape parts(index_t granularity, index_t shared) {
  layer_shape l;
  l.granularity = granularity;
  l.shared_experts = shared;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/select/top_k: largest first, ties towards the lower expert", B, GMOE_TEST_MODULE_BACKENDS) {
  const variable<B> scores(put<B>(table(4, 4,
                                        {0.1, 0.4, 0.2, 0.3,      //
                                         0.25, 0.25, 0.25, 0.25,  //
                                         0.1, 0.4, 0.1, 0.4,      //
                                         0.7, 0.1, 0.1, 0.1})));
  CHECK(choose(1, scores) == std::vector<id_type>{1, 0, 1, 0});
  CHECK(choose(2, scores) == std::vector<id_type>{1, 3, 0, 1, 1, 3, 0, 1});
  CHECK(choose(3, scores).size() == 12);
  CHECK(choose(4, scores) == std::vector<id_type>{1, 3, 2, 0, 0, 1, 2, 3, 1, 3, 0, 2, 0, 1, 2, 3});
  CHECK(top_k{}.at_most({}) == 1);
  CHECK(top_k{.k = 3}.at_most({}) == 3);
}

TEST_CASE_TEMPLATE("moe/select/top_k: what is not a number is chosen, and different experts in any case", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const variable<B> one(put<B>(table(2, 4, {0.1, 0.4, not_a_number, 0.3, 0.1, 0.4, 0.2, 0.3})));
  CHECK(choose(2, one) == std::vector<id_type>{2, 1, 1, 3});
  const variable<B> all = softmax_rows(one);  // a logit makes the whole row NaN
  CHECK(choose(3, all) == std::vector<id_type>{0, 1, 2, 1, 3, 2});
}

TEST_CASE("moe/select/top_k: of a split pool as many parts as make up k whole experts") {
  CHECK(top_k{.k = 1}.at_most(parts(4, 0)) == 4);
  CHECK(top_k{.k = 2}.at_most(parts(4, 0)) == 8);
  CHECK(top_k{.k = 2}.at_most(parts(4, 1)) == 7);  // DeepSeekMoE 2B: 7 of 63
  CHECK(top_k{.k = 3}.at_most(parts(4, 0)) == 12);
  CHECK(top_k{.k = 3}.at_most(parts(4, 1)) == 11);
  CHECK(refusal([] { top_k{.k = 2}.at_most(parts(1, 2)); }) ==
        "shared_experts = 2 leaves none of granularity * k = 2 active experts to route to");
}

TEST_CASE_TEMPLATE("moe/select/top_k: parts are chosen like whole experts", B, GMOE_TEST_MODULE_BACKENDS) {
  const variable<B> scores(put<B>(table(2, 4, {0.1, 0.4, 0.2, 0.3, 0.25, 0.25, 0.25, 0.25})));
  CHECK(choose(1, scores, parts(2, 0)) == std::vector<id_type>{1, 3, 0, 1});
  CHECK(choose(2, scores, parts(2, 1)) == std::vector<id_type>{1, 3, 2, 0, 1, 2});
}
