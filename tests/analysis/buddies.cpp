#include "gmoe/analysis/buddies.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using gmoe_test::refusal;

namespace {

/// A layer that sees these experts of a pool, which were asked so often.
layer_usage usage_of(std::vector<id_type> ids, std::vector<std::int64_t> asked, index_t number = 0) {
  layer_usage l;
  l.number = l.block = number;
  l.pool = gmoe_test::pool_of(ids, std::vector<index_t>(ids.size(), 4));
  l.asked = std::move(asked);
  l.together.resize(l.asked.size() * l.asked.size());
  l.in_turn = l.together;
  return l;
}
using flags = std::vector<std::vector<bool>>;
flags stay(const std::vector<layer_usage>& usage, double budget) { return most_used(usage, budget); }

}  // namespace

TEST_CASE("analysis/buddies: by co-activation, the most frequent first, as many as cover alpha of it") {
  layer_usage l = usage_of({0, 1, 2, 3}, {9, 9, 9, 9});
  l.together = {0, 2, 6, 2, 2, 0, 1, 0, 6, 1, 0, 0, 2, 0, 0, 0};
  CHECK(buddies_by_routing(l) == buddy_lists{{2, 1, 3}, {0, 2}, {0, 1}, {0}});
  CHECK(buddies_by_routing(l, 0.6) == buddy_lists{{2}, {0}, {0}, {0}});  // 6 of 10 are enough
  CHECK(buddies_by_routing(l, 0.7) == buddy_lists{{2, 1}, {0, 2}, {0}, {0}});
  // Neighbours do not count where tokens ask several; where none does, they alone do.
  l.in_turn = {0, 0, 1, 5, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0};
  CHECK(buddies_by_routing(l)[0] == std::vector<id_type>{2, 1, 3});
  l.together.assign(16, 0);
  CHECK(buddies_by_routing(l) == buddy_lists{{3, 2}, {}, {0}, {0}});
  CHECK(refusal([&] { buddies_by_routing(l, 0); }) == "buddies_by_routing: alpha is 0, expected above 0 and at most 1");
}

TEST_CASE("analysis/buddies: by similarity") {
  const layer_usage l = usage_of({0, 1, 2}, {1, 1, 1});
  const std::vector<double> s{1, -0.5, 0.25, -0.5, 1, -0.5, 0.25, -0.5, 1};
  CHECK(buddies_by_similarity(l, s) == buddy_lists{{2, 1}, {0, 2}, {0, 1}});
  CHECK(refusal([&] { buddies_by_similarity(l, std::vector<double>(4)); }) ==
        "buddies_by_similarity: 4 numbers for 3 experts, expected 9");
  CHECK_THROWS_AS(buddies_by_similarity(l, std::vector<double>(9, std::numeric_limits<double>::quiet_NaN())),
                  data_error);
}

TEST_CASE("analysis/buddies: the most asked stay, of each pool by itself") {
  const std::vector<layer_usage> apart{usage_of({0, 1, 2, 3}, {4, 7, 7, 1}), usage_of({4, 5, 6, 7}, {0, 0, 0, 0}, 1)};
  CHECK(stay(apart, 0.5) == flags{{false, true, true, false}, {true, true, false, false}});
  CHECK(stay(apart, 0.25) == flags{{false, true, false, false}, {true, false, false, false}});
  CHECK(stay(apart, 0.01) == stay(apart, 0.25));  // one at least
  CHECK(stay(apart, 1) == flags{{true, true, true, true}, {true, true, true, true}});
  // Layers of one pool have one memory: 0 was asked 1 + 9 times.
  const std::vector<layer_usage> shared{usage_of({0, 1}, {1, 8}), usage_of({1, 0}, {1, 9}, 1)};
  CHECK(stay(shared, 0.5) == flags{{true, false}, {false, true}});
  CHECK(refusal([&] { stay(apart, 1.5); }) == "most_used: the budget is 1.5, expected above 0 and at most 1");
}

TEST_CASE("analysis/buddies: no layer is left with nobody") {
  // 0 and 1, 1 and 2, 2 and 3. 0 and 1 are asked most, so that the last layer would have nobody: 3 takes the place of
  // 0, as without 1 the layer in the middle would have nobody.
  const std::vector<layer_usage> ring{usage_of({0, 1}, {9, 8}), usage_of({1, 2}, {1, 1}, 1),
                                      usage_of({2, 3}, {0, 2}, 2)};
  CHECK(stay(ring, 0.5) == flags{{false, true}, {true, false}, {false, true}});
  CHECK(refusal([&] { stay(ring, 0.25); }) ==
        "a budget of 0.25 keeps 1 of 4 experts, which leaves a layer with none: block 1 and others see different ones");
}

TEST_CASE("analysis/buddies: experts without weights are always there and nobody's buddy") {
  layer_usage l = usage_of({0, 1, 2}, {1, 5, 9});
  auto pool = std::make_shared<seen_experts>(*l.pool);
  pool->kinds[2] = expert_kind::copy;
  l.pool = pool;
  l.together = {0, 1, 7, 1, 0, 7, 7, 7, 0};
  CHECK(buddies_by_routing(l) == buddy_lists{{1}, {0}, {}});
  CHECK(buddies_by_similarity(l, std::vector<double>(9)) == buddy_lists{{1}, {0}, {}});
  CHECK(stay({l}, 0.5) == flags{{false, true, true}});
}

TEST_CASE("analysis/buddies: a budget of it all") {
  const std::vector<layer_usage> usage{usage_of({0, 1}, {4, 7}, 2)};
  const expert_budget budget =
      make_budget(usage, most_used(usage, 0.5), {buddies_by_similarity(usage[0], std::vector<double>(4))});
  CHECK(budget.of("", 2, 2).in_memory == std::vector<bool>{false, true});
  CHECK(budget.of("", 2, 2).buddies == buddy_lists{{1}, {0}});
  CHECK(refusal([&] { make_budget(usage, {}, {}); }) ==
        "make_budget: 0 lists of who is in memory and 0 of buddies for 1 layers");
}
