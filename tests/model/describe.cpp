#include "gmoe/model/describe.hpp"

#include <doctest/doctest.h>

using namespace gmoe;

namespace {
struct my_router : linear_router {};
using my_card = with<switch_card, my_router>;
}  // namespace

TEST_CASE("model/describe: types as they are written") {
  CHECK(type_name<top_k<2>>() == "top_k<2>");
  CHECK(type_name<gmoe_card::router>() == "global_router<hidden_state, propagate<cut::raw_logits>>");
  CHECK(type_name<limited_capacity<priority::within_choice, room::exact>>() ==
        "limited_capacity<priority::within_choice, room::exact>");
  CHECK(type_name<my_router>() == "my_router");
}

TEST_CASE("model/describe: a line for every slot") {
  const std::string text = describe<gshard_card>();
  CHECK(text.starts_with("gshard: "));
  CHECK(text.find("(Lepikhin et al., ICLR 2021)\n") != std::string::npos);
  for (const char* slot :
       {"experts", "body", "always", "router", "score", "select", "capacity", "gate", "balance", "placement", "dense"})
    CHECK(text.find(std::string("\n  ") + slot + " ") != std::string::npos);
  CHECK(text.find("which scores become assignments?                      top_k<2>\n") != std::string::npos);
  CHECK(text.find("gshard_capacity<priority::within_choice>") != std::string::npos);
  CHECK(describe<my_card>().find("?                my_router\n") != std::string::npos);
  CHECK(describe<my_card>().starts_with("  experts "));  // no name, no heading
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
