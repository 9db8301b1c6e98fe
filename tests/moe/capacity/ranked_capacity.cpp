#include "gmoe/moe/capacity/ranked_capacity.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
std::vector<id_type> kept_of(double factor, const routing<B>& r, const context<B>& ctx) {
  layer_shape l;
  l.experts = r.experts;
  return policy_alone<B, ranked_capacity>({.factor = factor}, {l}).ask(hooks::keep{}, ctx, r).to_host();
}

}  // namespace

TEST_CASE_TEMPLATE("moe/capacity/ranked_capacity: first choices before second ones, then by score", B,
                   GMOE_TEST_BACKENDS) {
  // Expert 0 is the first choice of tokens 1 and 3, and the second of tokens 0 and 2.
  const auto r = routing_of<B>(table(4, 2, {0.4, 0.6, 0.55, 0.45, 0.3, 0.7, 0.9, 0.1}), {1, 0, 0, -1, 1, 0, 0, 1});
  const auto ctx = training_context<B>();
  CHECK(kept_of(10, r, ctx) == r.chosen.to_host());
  CHECK(kept_of(1.5, r, ctx) == std::vector<id_type>{1, 0, 0, -1, 1, -1, 0, 1});  // 3 of each
  CHECK(kept_of(1, r, ctx) == std::vector<id_type>{1, -1, 0, -1, 1, -1, 0, -1});
  CHECK(kept_of(0.5, r, ctx) == std::vector<id_type>{-1, -1, -1, -1, 1, -1, 0, -1});
  CHECK(kept_of(0.4, r, ctx) == std::vector<id_type>(8, -1));
  CHECK(kept_of(0.4, r, context<B>{}) == r.chosen.to_host());  // nobody queues in evaluation
}

TEST_CASE_TEMPLATE("moe/capacity/ranked_capacity: among equals the earlier token; of no rows", B, GMOE_TEST_BACKENDS) {
  const auto r = routing_of<B>(table(4, 2, 0.5), {0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(kept_of(1, r, training_context<B>()) == std::vector<id_type>{0, 1, 0, 1, -1, -1, -1, -1});
  routing<B> none;
  none.experts = 2;
  none.scores = variable<B>(matrix<B>(0, 2));
  none.chosen = id_matrix<B>(0, 2);
  CHECK(kept_of(1, none, training_context<B>()).empty());
}
