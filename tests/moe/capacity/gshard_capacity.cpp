#include "gmoe/moe/capacity/gshard_capacity.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// `tokens` tokens that choose experts 0 and 1, the second with this weight.
template <class B>
routing<B> second_weighs(double weight, index_t tokens) {
  std::vector<id_type> chosen;
  table w(tokens, 2);
  for (index_t t = 0; t < tokens; ++t) {
    chosen.insert(chosen.end(), {0, 1});
    w(t, 0) = 1 - weight;
    w(t, 1) = weight;
  }
  return routing_of<B>(w, chosen);
}

template <class B>
std::vector<id_type> keep(const gshard_capacity& rule, const context<B>& ctx, const routing<B>& r) {
  layer_shape shape;
  shape.block = ctx.block;
  return policy_alone<B, gshard_capacity>(rule, {shape}).ask(hooks::keep{}, ctx, r).to_host();
}
constexpr gshard_capacity boundless{.factor = 100};

template <class B>
double kept_seconds(const routing<B>& r, const context<B>& ctx) {
  const auto kept = keep(boundless, ctx, r);
  double count = 0;
  for (std::size_t i = 0; i < kept.size(); i += 2) {
    CHECK(kept[i] == 0);  // first choices are never at risk
    count += kept[i + 1] == 1;
  }
  return count / static_cast<double>(kept.size() / 2);
}

}  // namespace

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: second choices by chance, twice their weight", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const auto training = training_context<B>(3);
  CHECK(kept_seconds(second_weighs<B>(0.5, 500), training) == 1.0);
  CHECK(kept_seconds(second_weighs<B>(0.0, 500), training) == 0.0);
  CHECK(std::abs(kept_seconds(second_weighs<B>(0.2, 4000), training) - 0.4) < 4 * std::sqrt(0.4 * 0.6 / 4000));
  CHECK(kept_seconds(second_weighs<B>(0.2, 500), context<B>{}) == 1.0);  // evaluation

  // Other steps and blocks draw anew, the same ones alike.
  const routing<B> r = second_weighs<B>(0.25, 64);
  auto block = training_context<B>(3);
  block.block = 1;
  CHECK(keep(boundless, training, r) == keep(boundless, training, r));
  CHECK(keep(boundless, training, r) != keep(boundless, training_context<B>(4), r));
  CHECK(keep(boundless, training, r) != keep(boundless, block, r));
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: two rules for the room", B, GMOE_TEST_MODULE_BACKENDS) {
  // Four tokens, three experts; weights of one half keep every second choice.
  const routing<B> r = routing_of<B>(table(4, 3, 0.3), {0, 1, 1, 0, 1, 0, 2, 1});
  const auto ctx = training_context<B>();
  // floor(8 / 3) = 2 in the paper, ceil(8 / 3) = 3 as run by GMoE's authors
  CHECK(keep({.factor = 1, .order = priority::choice_order, .room = room::exact}, ctx, r) ==
        std::vector<id_type>{0, no_choice, 1, 0, 1, no_choice, 2, no_choice});
  CHECK(keep({.factor = 1, .order = priority::within_choice}, ctx, r) == r.chosen.to_host());
  // Room for one in each list.
  CHECK(keep({.factor = 0.4, .order = priority::within_choice}, ctx, r) ==
        std::vector<id_type>{0, 1, 1, 0, no_choice, no_choice, 2, no_choice});
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: room for the pairs that were chosen", B, GMOE_TEST_MODULE_BACKENDS) {
  // Four of eight slots are used: room for 2 each. Those that chance takes away are counted, empty slots are not.
  const routing<B> r = routing_of<B>(table(4, 2, {0.5, 0.5, 1, 0, 0.5, 0.5, 0.5, 0.5}),
                                     {0, no_choice, 0, 1, 0, no_choice, no_choice, no_choice});
  CHECK(keep({.factor = 1}, training_context<B>(), r) ==
        std::vector<id_type>{0, no_choice, 0, no_choice, no_choice, no_choice, no_choice, no_choice});
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: chances follow from what the scores ask for, not from the gate", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  // Two of three experts are asked, with scores that sum to 0.1 + 0.3: the second one's share is 3/4, and it stays.
  std::vector<id_type> chosen;
  table scores(50, 3, 0.6), weights(50, 2, 0.0);
  for (index_t t = 0; t < 50; ++t) {
    scores(t, 0) = 0.1;
    scores(t, 1) = 0.3;
    chosen.insert(chosen.end(), {0, 1});
  }
  routing<B> r = routing_of<B>(scores, chosen);
  CHECK(keep(boundless, training_context<B>(), r) == chosen);
  r.weights = variable<B>(put<B>(weights));
  CHECK(keep(boundless, training_context<B>(), r) == chosen);
}
