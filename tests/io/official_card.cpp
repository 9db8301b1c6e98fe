#include "gmoe/io/official_card.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace gmoe;

namespace {

struct own_form : one_pass {};
struct own_candidates : all_experts {};
struct own_attention : gpt2_attention {};
template <class Card>
using router_of = answer<Card, slots::router>;

}  // namespace

TEST_CASE("io/official_card: the library's own cards and their kinds") {
  CHECK(official<gmoe_card>);
  CHECK(official<gmoe_no_local_card>);
  CHECK(official<gmoe_no_logits_card>);
  CHECK(official<gmoe_no_state_card>);
  CHECK(official<switch_card>);
  CHECK(official<gshard_card>);
  CHECK(official<dense_relu_card>);
  CHECK(official_card<gmoe_no_state_card>::kind() == official_kind::gmoe);
  CHECK(official_card<switch_card>::kind() == official_kind::switch_);
  CHECK(official_card<gshard_card>::kind() == official_kind::gshard);
  CHECK(official_card<dense_relu_card>::kind() == official_kind::dense);
  CHECK(name_of(official_kind::switch_) == "switch");
  CHECK(name_of(official_kind::dense) == "dense");
}

TEST_CASE("io/official_card: the slot that the format has no word for") {
  CHECK(official_card<dense_card>::obstacle() == "dense");
  CHECK(official_card<with<gmoe_card, gelu_expert>>::obstacle() == "body");
  CHECK(official_card<with<gmoe_card, no_balance>>::obstacle() == "balance");
  CHECK(official_card<with<gmoe_card, layer_pool>>::obstacle() == "experts");
  CHECK(official_card<with<gmoe_card, renormalised_scores>>::obstacle() == "gate");
  CHECK(official_card<with<gmoe_card, limited_capacity>>::obstacle() == "capacity");
  CHECK(official_card<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>::obstacle() == "router");
  CHECK(official_card<with<switch_card, local_expert>>::obstacle() == "always");
  CHECK(official_card<with<switch_card, global_pool>>::obstacle() == "experts");
  CHECK(official_card<with<switch_card, no_capacity>>::obstacle() == "capacity");
  CHECK(official_card<with<switch_card, unit_weight>>::obstacle() == "gate");
  CHECK(official_card<with<gshard_card, limited_capacity>>::obstacle() == "capacity");
  CHECK(official_card<with<gmoe_card, own_form>>::obstacle() == "form");
  CHECK(official_card<with<gmoe_card, own_candidates>>::obstacle() == "candidates");
  CHECK(official_card<with<gmoe_card, own_attention>>::obstacle() == "attention");
  CHECK(official_card<with<dense_relu_card, own_attention>>::obstacle() == "attention");
}

TEST_CASE("io/official_card: the cards of loaded checkpoints") {
  CHECK(official<official_gmoe_card<>>);
  CHECK(official<official_gmoe_card<false, false, false>>);
  CHECK(official<official_switch_card>);
  CHECK(official<official_gshard_card>);
  CHECK(official<official_dense_card>);
  CHECK(std::is_same_v<router_of<official_gmoe_card<>>, router_of<gmoe_card>>);
  CHECK(std::is_same_v<router_of<official_gmoe_card<true, false, true>>, router_of<gmoe_no_logits_card>>);
  CHECK(std::is_same_v<router_of<official_gmoe_card<true, true, false>>, router_of<gmoe_no_state_card>>);
  CHECK(std::is_same_v<router_of<official_gmoe_card<true, false, false>>, global_router<>>);
  CHECK(std::is_same_v<answer<official_gmoe_card<false>, slots::always>, no_always>);
  CHECK(std::is_same_v<answer<official_gmoe_card<>, slots::dense>, relu_feed_forward>);
}
