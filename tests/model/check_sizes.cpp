#include "gmoe/model/check_sizes.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards.hpp"

using namespace gmoe;

namespace {

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const config_error& e) {
    return e.what();
  }
  return "";
}

/// The refusal of sizes that `change` spoiled.
template <class Card = gmoe_card, class Change>
std::string refusal(const Change& change) {
  sizes s;
  change(s);
  return message_of([&] { check_sizes(s, Card{}); });
}
/// Of a card, or of a whole model of it.
template <class Card>
std::string refusal_of(const Card& card) {
  return message_of([&] { check_sizes({}, card); });
}
template <class Card>
std::string model_refusal(const Card& card, const sizes& s = {}) {
  return message_of([&] { cost_of(s, card); });
}

}  // namespace

TEST_CASE("model/check_sizes: the default sizes fit every kind of card") {
  CHECK(refusal([](sizes&) {}) == "");
  CHECK(refusal<switch_card>([](sizes&) {}) == "");
  CHECK(refusal<dense_card>([](sizes&) {}) == "");
}

TEST_CASE("model/check_sizes: each message names the value and what is expected") {
  CHECK(refusal([](sizes& s) { s.vocab = 0; }) == "vocab is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.positions = -3; }) == "positions is -3, expected at least 1");
  CHECK(refusal([](sizes& s) { s.d_model = 0; }) == "d_model is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.layers = 0; }) == "layers is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.heads = 0; }) == "heads is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.d_ff = 0; }) == "d_ff is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.experts = -1; }) == "experts is -1, expected 0 or more");
  CHECK(refusal([](sizes& s) { s.heads = 3; }) == "d_model = 128 is not divisible by heads = 3");
  CHECK(refusal([](sizes& s) { s.dropout = 1; }) == "dropout is 1, expected [0, 1)");
  CHECK(refusal([](sizes& s) { s.dropout = std::numeric_limits<double>::quiet_NaN(); }) ==
        "dropout is nan, expected [0, 1)");
  CHECK(refusal([](sizes& s) { s.layer_norm_epsilon = 0; }) == "layer_norm_epsilon is 0, expected a positive number");
  CHECK(refusal([](sizes& s) { s.initializer_range = -1; }) == "initializer_range is -1, expected 0 or more");
  CHECK(refusal([](sizes& s) { s.initializer_range = std::numeric_limits<double>::infinity(); }) ==
        "initializer_range is inf, expected a finite number");
  CHECK(refusal([](sizes& s) { s.vocab = index_t{1} << 31; }) == "a size of 2147483648 is beyond 2147483647");
  CHECK(
      refusal([](sizes& s) { s.layers = s.experts = s.d_ff = (index_t{1} << 31) - 1; }) ==
      "layers = 2147483647, d_model = 128, d_ff = 2147483647 and experts = 2147483647 make a model that is too large");
}

TEST_CASE("model/check_sizes: the card's numbers are named by slot and field") {
  using split_card = gmoe_fine_grained_card;
  using split = fine_grained<global_pool>;
  CHECK(refusal_of(card<split_card>(split{.granularity = 0})) == "experts.granularity is 0, expected at least 1");
  CHECK(refusal_of(card<split_card>(split{.shared_experts = -1})) ==
        "experts.shared_experts is -1, expected 0 or more");
  CHECK(refusal_of(card<split_card>(split{.shared_experts = index_t{1} << 40})) ==
        "a size of 1099511627776 is beyond 2147483647");
  CHECK(refusal_of(card<gmoe_card>(top_k{.k = -1})) == "select.k is -1, expected at least 1");
  CHECK(refusal_of(card<gmoe_card>(top_k{.k = 0})) == "select.k is 0, expected at least 1");
  CHECK(refusal_of(card<switch_card>(limited_capacity{.factor = 0})) ==
        "capacity.factor is 0, expected a positive number");
  CHECK(refusal_of(card<switch_card>(every_second_block{.first = 2})) == "placement.first is 2, expected [0, 1]");
  CHECK(refusal_of(card<gmoe_card>(switch_loss{.alpha = -0.5})) == "balance.alpha is -0.5, expected 0 or more");
  CHECK(refusal_of(card<gmoe_card>(switch_loss{.alpha = std::numeric_limits<double>::infinity()})) ==
        "balance.alpha is inf, expected a finite number");
  const with<switch_card, jittered<linear_router>> noisy{.router = {.epsilon = -1}};
  CHECK(refusal_of(noisy) == "router.epsilon is -1, expected 0 or more");
}

TEST_CASE("model/check_sizes: what a card does not use is not checked") {
  const sizes none{.experts = 0};
  CHECK(model_refusal(dense_card{}, none) == "");
  CHECK(model_refusal(with<switch_card, listed_blocks>{}, none) == "");  // no block is listed
  dense_card spoiled;
  spoiled.select.k = -1;
  CHECK(refusal_of(spoiled) == "");
}

TEST_CASE("model/check_sizes: what only the whole model can see") {
  const auto aside = [](index_t count) {
    return card<deepseek_moe_card>(fine_grained<layer_pool>{.shared_experts = count});
  };
  CHECK(model_refusal(gmoe_card{}, {.experts = 0}) == "experts is 0, expected at least 1");
  CHECK(model_refusal(card<gmoe_card>(top_k{.k = 9})) ==
        "the selection takes 9 experts per token, but block 0 has only 8");
  CHECK(model_refusal(gshard_card{}, {.experts = 1}) ==
        "the selection takes 2 experts per token, but block 0 has only 1");
  CHECK(model_refusal(aside(2)) == "shared_experts = 2 leaves none of granularity * k = 2 active experts to route to");
  CHECK(model_refusal(aside(8)) == "shared_experts = 8 leaves none of granularity * experts = 8 experts to route to");
  CHECK(model_refusal(card<gmoe_fine_grained_card>(fine_grained<global_pool>{.granularity = 3})) ==
        "d_ff = 512 is not divisible by granularity = 3");
  CHECK(model_refusal(card<gmoe_fine_grained_card>(fine_grained<global_pool>{.shared_experts = 1})) ==
        "the pool sets 1 shared experts aside, but the card's answer to 'always' does not compute them: it takes the "
        "policy shared_experts");
  CHECK(model_refusal(with<gmoe_card, listed_blocks>{.placement = {{0, 4}}}) ==
        "placement.blocks lists block 4, but there are blocks 0 to 3");
}
