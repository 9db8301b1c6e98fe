#include "gmoe/moe/select/fine_grained_top_k.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/select/fine_grained_top_k: as many parts as make up k whole experts") {
  using among = fine_grained_top_k<2, shared_parts::among>;
  sizes s;
  s.granularity = 4;
  s.shared_experts = 1;
  CHECK(fine_grained_top_k<1>::slots(s) == 4);
  CHECK(fine_grained_top_k<2>::slots(s) == 8);
  CHECK(among::slots(s) == 7);  // DeepSeekMoE 2B: 7 of 63
  s.top_k = 3;
  CHECK(fine_grained_top_k<1>::slots(s) == 12);
  CHECK(among::slots(s) == 11);
  s.granularity = 1;
  s.top_k = 2;
  s.shared_experts = 2;
  CHECK(refusal([&] { among::slots(s); }) ==
        "shared_experts = 2 leaves none of granularity * top_k = 2 active experts to route to");
}

TEST_CASE_TEMPLATE("moe/select/fine_grained_top_k: chooses like top_k", B, GMOE_TEST_BACKENDS) {
  sizes s;
  s.granularity = 2;
  const variable<B> scores(put<B>(table(2, 4, {0.1, 0.4, 0.2, 0.3, 0.25, 0.25, 0.25, 0.25})));
  CHECK(fine_grained_top_k<1>::choose(context<B>{}, s, scores).to_host() == std::vector<id_type>{1, 3, 0, 1});
}
