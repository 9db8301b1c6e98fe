#include "gmoe/moe/candidates/successors.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// The mask of a layer's second routing, where its first one kept these.
template <class B>
std::vector<double> mask_after(index_t fan, index_t experts, const std::vector<id_type>& kept, index_t slots = 1) {
  layer_shape l;
  l.experts = experts;
  policy_alone<B, successors> policy({.fan = fan}, {l});
  const index_t rows = std::ssize(kept) / slots;
  for (index_t number = 0; number < 2; ++number) {
    routing<B>& r = policy.found.routings.emplace_back();
    r.experts = experts;
    r.number = number;
    r.kept = put_ids<B>(kept, rows, slots);
  }
  const auto& made = policy.found.routings;
  CHECK(policy.ask(hooks::mask{}, context<B>{}, made[0]).empty());  // anyone at first
  return get(policy.ask(hooks::mask{}, context<B>{}, made[1])).values;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/candidates/successors: the next ones on the ring, nobody after nobody", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  CHECK(mask_after<B>(2, 4, {3, no_choice, 0}) == std::vector<double>{1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0});
  CHECK(mask_after<B>(1, 3, {1, 2}) == std::vector<double>{0, 0, 1, 1, 0, 0});
  CHECK(mask_after<B>(3, 3, {1, no_choice}) == std::vector<double>{1, 1, 1, 0, 0, 0});
  CHECK(mask_after<B>(7, 2, {1}) == std::vector<double>{1, 1});
  CHECK(mask_after<B>(1, 1, {0}) == std::vector<double>{1});
  CHECK(refusal([] {
          mask_after<B>(2, 4, {3, 1}, 2);
        }) == "block 0: successors follow one expert per token, but the selection takes 2");
}
