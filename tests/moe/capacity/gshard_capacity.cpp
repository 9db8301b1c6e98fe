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
  routing<B> r = routing_of<B>(w, chosen);
  r.weights = variable<B>(put<B>(w));
  return r;
}

template <class B>
double kept_seconds(const routing<B>& r, const context<B>& ctx) {
  sizes s;
  s.capacity_factor = 100;
  const auto kept = gshard_capacity<>::keep(ctx, s, r).to_host();
  double count = 0;
  for (std::size_t i = 0; i < kept.size(); i += 2) {
    CHECK(kept[i] == 0);  // first choices are never at risk
    count += kept[i + 1] == 1;
  }
  return count / static_cast<double>(kept.size() / 2);
}

}  // namespace

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: second choices by chance, twice their weight", B,
                   GMOE_TEST_BACKENDS) {
  const auto training = training_context<B>(3);
  CHECK(kept_seconds(second_weighs<B>(0.5, 500), training) == 1.0);
  CHECK(kept_seconds(second_weighs<B>(0.0, 500), training) == 0.0);
  CHECK(std::abs(kept_seconds(second_weighs<B>(0.2, 4000), training) - 0.4) < 4 * std::sqrt(0.4 * 0.6 / 4000));
  CHECK(kept_seconds(second_weighs<B>(0.2, 500), context<B>{}) == 1.0);  // evaluation

  // Other steps and blocks draw anew, the same ones alike.
  const routing<B> r = second_weighs<B>(0.25, 64);
  const auto keep = [&](const context<B>& ctx) {
    sizes s;
    s.capacity_factor = 100;
    return gshard_capacity<>::keep(ctx, s, r).to_host();
  };
  auto block = training_context<B>(3);
  block.block = 1;
  CHECK(keep(training) == keep(training));
  CHECK(keep(training) != keep(training_context<B>(4)));
  CHECK(keep(training) != keep(block));
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: two rules for the room", B, GMOE_TEST_BACKENDS) {
  // Four tokens, three experts; weights of one half keep every second choice.
  routing<B> r = routing_of<B>(table(4, 3, 0.3), {0, 1, 1, 0, 1, 0, 2, 1});
  r.weights = variable<B>(put<B>(table(4, 2, 0.5)));
  const auto ctx = training_context<B>();
  sizes s;
  s.capacity_factor = 1;  // floor(8 / 3) = 2 in the paper, ceil(8 / 3) = 3 as run by GMoE's authors
  CHECK(gshard_capacity<priority::choice_order, room::exact>::keep(ctx, s, r).to_host() ==
        std::vector<id_type>{0, no_choice, 1, 0, 1, no_choice, 2, no_choice});
  CHECK(gshard_capacity<priority::within_choice>::keep(ctx, s, r).to_host() == r.chosen.to_host());
  s.capacity_factor = 0.4;  // room for one in each list
  CHECK(gshard_capacity<priority::within_choice>::keep(ctx, s, r).to_host() ==
        std::vector<id_type>{0, 1, 1, 0, no_choice, no_choice, 2, no_choice});
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: room for the pairs that were chosen", B, GMOE_TEST_BACKENDS) {
  // Four of eight slots are used: room for 2 each. Those that chance takes away are counted, empty slots are not.
  routing<B> r = routing_of<B>(table(4, 2, 0.5), {0, no_choice, 0, 1, 0, no_choice, no_choice, no_choice});
  r.weights = variable<B>(put<B>(table(4, 2, 0.0)));
  sizes s;
  s.capacity_factor = 1;
  CHECK(gshard_capacity<>::keep(training_context<B>(), s, r).to_host() ==
        std::vector<id_type>{0, no_choice, 0, no_choice, no_choice, no_choice, no_choice, no_choice});
}

TEST_CASE_TEMPLATE("moe/capacity/gshard_capacity: needs weights", B, GMOE_TEST_BACKENDS) {
  const routing<B> r = routing_of<B>(table(1, 2, 0.5), {0, 1});
  CHECK(refusal([&] { gshard_capacity<>::keep(training_context<B>(), sizes{}, r); }) ==
        "gshard_capacity: second choices are kept by their weight, but the gate gives none");
}
