#include "gmoe/model/describe.hpp"

#include <doctest/doctest.h>

using namespace gmoe;

namespace {
struct my_router : linear_router {};
using my_card = with<switch_card, my_router>;
/// A wrapper with a number of its own, and one that says nothing.
template <class Router>
struct cooled {
  using slot = slots::router;
  Router of{};
  double temperature = 2;
  static constexpr auto fields = std::tuple{field{"temperature", &cooled::temperature, "divides the logits", above(0)}};
};
}  // namespace

TEST_CASE("model/describe: types as they are written") {
  CHECK(type_name<top_k>() == "top_k");
  CHECK(type_name<answer<gmoe_card, slots::router>>() == "global_router<hidden_state, propagate<cut::raw_logits>>");
  CHECK(type_name<fine_grained<global_pool>>() == "fine_grained<global_pool>");
  CHECK(type_name<cooled<jittered<linear_router>>>() == "cooled<jittered<linear_router>>");
  CHECK(type_name<my_router>() == "my_router");
}

TEST_CASE("model/describe: a line for every slot") {
  const std::string text = describe<gshard_card>();
  CHECK(text.starts_with("gshard: "));
  CHECK(text.find("(Lepikhin et al., ICLR 2021)\n") != std::string::npos);
  for (const char* slot :
       {"experts", "body", "always", "router", "score", "select", "capacity", "gate", "balance", "placement", "dense"})
    CHECK(text.find(std::string("\n  ") + slot + " ") != std::string::npos);
  const std::string k = "which scores become assignments?                      top_k {k = 2}: choose, at_most\n";
  CHECK(text.find(k) != std::string::npos);
  CHECK(text.find("gshard_capacity {factor = 1.25, order = within_choice, room = rounded_up}: keep\n") !=
        std::string::npos);
  CHECK(describe<my_card>().find("?                my_router: logits, make_layer\n") != std::string::npos);
  CHECK(describe<my_card>().starts_with("  experts "));  // no name, no heading
}

TEST_CASE("model/describe: the numbers are those of the card's value, a wrapper's and what it wraps") {
  CHECK(describe(card<smoe_card>(top_k{.k = 3})).find("top_k {k = 3}: ") != std::string::npos);
  const with<gmoe_card, listed_blocks> some{.placement = {{0, 2}}};
  CHECK(describe(some).find("listed_blocks {blocks = 0 2}: has_experts\n") != std::string::npos);
  CHECK(describe<with<switch_card, cooled<jittered<linear_router>>>>().find(
            "cooled<jittered<linear_router>> {temperature = 2, of.epsilon = 0.01}: logits, make_layer\n") !=
        std::string::npos);
  // A policy without anything to do, and a body, whose `weights` is no function.
  CHECK(describe<switch_card>().find("no_always\n") != std::string::npos);
  CHECK(describe<switch_card>().find("activation_expert<fn::relu>: make_weights, operator()\n") != std::string::npos);
}

TEST_CASE("model/describe: a dense model has one answer") {
  const std::string text = describe<dense_card>();
  CHECK(text.find("gpt2_feed_forward") != std::string::npos);
  CHECK(text.find("router") == std::string::npos);
}

TEST_CASE("model/describe: counts in words") {
  CHECK(short_count(0) == "0");
  CHECK(short_count(999) == "999");
  CHECK(short_count(1000) == "1.0 k");
  CHECK(short_count(165890304) == "165.9 M");
  CHECK(short_count(999950) == "1.0 M");
  CHECK(short_count(1864900000) == "1.9 G");
  sizes s;
  s.vocab = 50257;
  s.positions = 1024;
  s.d_model = 512;
  s.layers = 6;
  s.heads = 8;
  s.d_ff = 2048;
  s.experts = 16;
  const std::string text = describe<gmoe_card>(s);
  CHECK(text.starts_with(describe<gmoe_card>()));
  CHECK(text.find("80.4 M parameters, 33.6 M of them in routed experts and 1.7 M in routers") != std::string::npos);
  CHECK(text.find("57.7 M active and 66.8 M multiply-adds per token") != std::string::npos);
}

TEST_CASE("model/describe: who answers what, and from what a card was written") {
  const auto policy = [](const std::vector<slot_answer>& all, std::string_view slot) -> std::string {
    for (const slot_answer& a : all)
      if (a.slot == slot) return a.policy;
    return "";
  };
  const std::vector<slot_answer> mine = answers_of<my_card>();
  CHECK(mine.front().slot == "experts");
  CHECK(policy(mine, "router") == "my_router");
  CHECK(policy(mine, "norm") == "layer_norms");  // what it does not name is answered too
  // Without a mixture only the placement and what all blocks have.
  const std::vector<slot_answer> dense = answers_of<dense_card>();
  CHECK(policy(dense, "router").empty());
  CHECK(policy(dense, "placement") == "no_block");
  CHECK(policy(dense, "dense") == "gpt2_feed_forward");

  CHECK(status({"a", "A et al.", ""}) == "from the paper");
  CHECK(status({"a", "A et al.", "", written_from::code}) == "checked against code");
  CHECK(status({"a", "A et al.", "", written_from::description}) == "reconstructed");
  CHECK(status({"a", "", ""}) == "no paper");
}
