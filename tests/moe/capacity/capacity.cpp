#include "gmoe/moe/capacity/capacity.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B, class Rule>
std::vector<id_type> kept_by(const context<B>& ctx, const Rule& rule, const routing<B>& r) {
  return policy_alone<B, Rule>(rule).ask(hooks::keep{}, ctx, r).to_host();
}

}  // namespace

TEST_CASE("moe/capacity/capacity: room per expert") {
  CHECK(expert_capacity(1.25, 1, 10, 4) == 3);               // floor(1.25 * 3)
  CHECK(expert_capacity(1.25, 2, 10, 3) == 8);               // floor(1.25 * 7)
  CHECK(expert_capacity(1.25, 2, 10, 3, room::exact) == 8);  // floor(8.33)
  CHECK(expert_capacity(1.0, 2, 10, 3, room::rounded_up) == 7);
  CHECK(expert_capacity(1.0, 2, 10, 3, room::exact) == 6);
  CHECK(expert_capacity(1.0, 2, 10, 3, room::tokens) == 3);  // k does not count
  CHECK(expert_capacity(1.25, 2, 8, 4, room::tokens) == 2);  // floor(2.5)
  CHECK(expert_capacity(1.0, 1, 3, 8, room::exact) == 0);    // fewer tokens than experts
  CHECK(expert_capacity(1.0, 1, 3, 8) == 1);
  CHECK(expert_capacity(1.25, 1, 524288, 16) == 40960);
}

TEST_CASE_TEMPLATE("moe/capacity/capacity: drops the latest, in training only", B, GMOE_TEST_MODULE_BACKENDS) {
  // Five tokens, two choices each, two experts: everybody wants both. Room: floor(0.5 * ceil(10 / 2)) = 2.
  const routing<B> r = routing_of<B>(table(5, 2, 0.5), {0, 1, 1, 0, 0, 1, 0, 1, 1, 0});
  const id_type no = no_choice;
  const auto training = training_context<B>();
  CHECK(kept_by<B>(context<B>{}, limited_capacity{.factor = 0.5}, r) == r.chosen.to_host());
  CHECK(kept_by<B>(training, no_capacity{}, r) == r.chosen.to_host());
  CHECK(kept_by<B>(training, limited_capacity{.factor = 0.5}, r) ==
        std::vector<id_type>{0, 1, 1, 0, no, no, no, no, no, no});
  // All first choices before the second ones: expert 0 is full with tokens 0 and 2, expert 1 with 1 and 4.
  CHECK(kept_by<B>(training, limited_capacity{.factor = 0.5, .order = priority::choice_order}, r) ==
        std::vector<id_type>{0, no, 1, no, 0, no, no, no, 1, no});
  CHECK(kept_by<B>(training, limited_capacity{.factor = 0.5, .order = priority::within_choice}, r) ==
        std::vector<id_type>{0, 1, 1, 0, 0, 1, no, no, 1, 0});
  CHECK(r.chosen.to_host() == std::vector<id_type>{0, 1, 1, 0, 0, 1, 0, 1, 1, 0});  // what was asked for stays known
  CHECK(kept_by<B>(training, limited_capacity{.factor = 0.1}, r) == std::vector<id_type>(10, no));  // room for none
}

TEST_CASE_TEMPLATE("moe/capacity/capacity: room for the pairs that there are, not for empty slots", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  // Sixteen tokens with four slots, of which only the first is used, but for four tokens with two: 20 pairs, and 5 for
  // each of the four experts. Everybody wants expert 0.
  std::vector<id_type> chosen(64, no_choice);
  for (std::size_t t = 0; t < 16; ++t) chosen[4 * t] = 0;
  for (std::size_t t = 0; t < 4; ++t) chosen[4 * t + 1] = 1;
  const routing<B> r = routing_of<B>(table(16, 4, 0.25), chosen);
  const auto with = [&](const limited_capacity& rule, id_type expert) {
    const auto all = kept_by<B>(training_context<B>(), rule, r);
    return std::count(all.begin(), all.end(), expert);
  };
  CHECK(with({.factor = 1}, 0) == 5);
  CHECK(with({.factor = 1}, 1) == 4);
  CHECK(with({.factor = 1, .order = priority::choice_order, .room = room::exact}, 0) == 5);
  CHECK(with({.factor = 1, .order = priority::token_order, .room = room::tokens}, 0) == 4);  // 16 tokens
}
