#include "gmoe/model/check_sizes.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

/// The refusal of sizes that `change` spoiled.
template <class Card = gmoe_card, class Change>
std::string refusal(const Change& change) {
  sizes s;
  change(s);
  return gmoe_test::refusal([&] { check_sizes<Card>(s); });
}

/// The same, of a whole model.
template <class Card, class Change>
std::string model_refusal(const Change& change) {
  sizes s;
  change(s);
  return gmoe_test::refusal([&] { cost_of<Card>(s); });
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
  CHECK(refusal([](sizes& s) { s.experts = 0; }) == "experts is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.granularity = 0; }) == "granularity is 0, expected at least 1");
  CHECK(refusal([](sizes& s) { s.heads = 3; }) == "d_model = 128 is not divisible by heads = 3");
  CHECK(refusal([](sizes& s) { s.granularity = 3; }) == "d_ff = 512 is not divisible by granularity = 3");
  CHECK(refusal([](sizes& s) { s.top_k = -1; }) == "top_k is -1, expected at least 1, or 0 for the card's own");
  CHECK(refusal([](sizes& s) { s.shared_experts = -1; }) == "shared_experts is -1, expected 0 or more");
  CHECK(refusal([](sizes& s) { s.dropout = 1; }) == "dropout is 1, expected [0, 1)");
  CHECK(refusal([](sizes& s) { s.dropout = std::numeric_limits<double>::quiet_NaN(); }) ==
        "dropout is nan, expected [0, 1)");
  CHECK(refusal([](sizes& s) { s.capacity_factor = 0; }) == "capacity_factor is 0, expected a positive number");
  CHECK(refusal([](sizes& s) { s.balance_alpha = -0.5; }) == "balance_alpha is -0.5, expected 0 or a positive number");
  CHECK(refusal([](sizes& s) { s.layer_norm_epsilon = 0; }) == "layer_norm_epsilon is 0, expected a positive number");
  CHECK(refusal([](sizes& s) { s.initializer_range = -1; }) ==
        "initializer_range is -1, expected 0 or a positive number");
  CHECK(refusal([](sizes& s) { s.moe_blocks = {0, 4}; }) == "moe_blocks lists block 4, but there are blocks 0 to 3");
  CHECK(refusal([](sizes& s) { s.vocab = index_t{1} << 31; }) == "a size of 2147483648 is beyond 2147483647");
  CHECK(refusal([](sizes& s) { s.shared_experts = index_t{1} << 40; }) ==
        "a size of 1099511627776 is beyond 2147483647");
  CHECK(
      refusal([](sizes& s) { s.layers = s.experts = s.d_ff = (index_t{1} << 31) - 1; }) ==
      "layers = 2147483647, d_model = 128, d_ff = 2147483647 and experts = 2147483647 make a model that is too large");
  CHECK(refusal([](sizes& s) { s.balance_alpha = std::numeric_limits<double>::infinity(); }) ==
        "a coefficient is inf, expected a finite number");
}

TEST_CASE("model/check_sizes: what a card does not use is not checked") {
  CHECK(refusal<dense_card>([](sizes& s) { s.experts = 0; }) == "");
  CHECK(refusal<with<switch_card, listed_blocks>>([](sizes& s) { s.experts = 0; }) == "");  // no block is listed
}

TEST_CASE("model/check_sizes: what only the whole model can see") {
  CHECK(model_refusal<gmoe_card>([](sizes& s) { s.top_k = 9; }) ==
        "top_k = 9 experts per token, but block 0 has only 8");
  CHECK(model_refusal<gshard_card>([](sizes& s) { s.experts = 1; }) ==
        "top_k = 2 experts per token, but block 0 has only 1");
  CHECK(model_refusal<deepseek_moe_card>([](sizes& s) { s.shared_experts = 2; }) ==
        "shared_experts = 2 leaves none of granularity * top_k = 2 active experts to route to");
  CHECK(model_refusal<deepseek_moe_card>([](sizes& s) { s.shared_experts = 8; }) ==
        "shared_experts = 8 leaves none of granularity * experts = 8 experts to route to");
}
