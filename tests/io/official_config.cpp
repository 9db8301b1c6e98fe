#include "gmoe/io/official_config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "io/checkpoint.hpp"

using namespace gmoe;
using gmoe_test::golden_files;
using gmoe_test::message_of;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;
using blocks = std::vector<index_t>;

namespace {

official_config read_text(const std::string& text) {
  const temp_folder folder;
  spill(folder / "config.json", text);
  return read_official_config(folder / "config.json");
}

// A golden config with fields changed, or removed where the new value is "absent".
nlohmann::ordered_json changed(const char* name, const nlohmann::ordered_json& changes) {
  auto config = nlohmann::ordered_json::parse(slurp(golden_files(name).config));
  for (const auto& [key, value] : changes.items())
    if (value == "absent")
      config.erase(key);
    else
      config[key] = value;
  return config;
}
official_config read(const char* name, const nlohmann::ordered_json& changes) {
  return read_text(changed(name, changes).dump());
}
std::string complaint(const char* name, const nlohmann::ordered_json& changes) {
  return message_of<file_error>([&] { read(name, changes); });
}

}  // namespace

TEST_CASE("io/official_config: reads and writes the golden configs byte by byte") {
  for (const char* name : {"gmoe_tiny", "gmoe_deep", "gmoe_no_local", "gmoe_no_logits", "gmoe_no_state", "switch_tiny",
                           "gshard_tiny", "dense_tiny"}) {
    CAPTURE(name);
    CHECK(official_config_text(read_official_config(golden_files(name).config)) == slurp(golden_files(name).config));
  }
}

TEST_CASE("io/official_config: every field arrives") {
  const official_config c = read("gmoe_deep", {{"capacity_factor", 2.5},
                                               {"layer_norm_epsilon", 1e-6},
                                               {"initializer_range", 0.25},
                                               {"attn_pdrop", 0.5},
                                               {"embd_pdrop", 0.5},
                                               {"resid_pdrop", 0.5},
                                               {"use_prev_logits", false}});
  CHECK(c.kind == official_kind::gmoe);
  CHECK(c.local_expert);
  CHECK_FALSE(c.prev_logits);
  CHECK(c.router_state);
  const sizes& s = c.shape;
  CHECK(s.vocab == 97);
  CHECK(s.positions == 32);
  CHECK(s.d_model == 24);
  CHECK(s.layers == 6);
  CHECK(s.heads == 3);
  CHECK(s.d_ff == 40);
  CHECK(s.experts == 8);
  CHECK(c.moe_layers == blocks{0, 1, 2, 3, 4, 5});
  CHECK(c.aux_alpha == 0.05);
  CHECK(c.capacity_factor == 2.5);
  CHECK(s.layer_norm_epsilon == 1e-6);
  CHECK(s.initializer_range == 0.25);
  CHECK(s.dropout == 0.5);
}

TEST_CASE("io/official_config: what a config may leave out") {
  CHECK(read("gmoe_tiny", {{"n_inner", nullptr}}).shape.d_ff == 64);
  CHECK(read("gmoe_tiny", {{"n_inner", "absent"}}).shape.d_ff == 64);
  const official_config c = read("gmoe_tiny", {{"aux_alpha", "absent"},
                                               {"capacity_factor", "absent"},
                                               {"layer_norm_epsilon", "absent"},
                                               {"initializer_range", "absent"},
                                               {"n_ctx", "absent"},
                                               {"tie_word_embeddings", "absent"}});
  CHECK(c.aux_alpha == 0.01);
  CHECK(c.capacity_factor == 1.25);
  CHECK(c.shape.layer_norm_epsilon == 1e-5);
  CHECK(c.shape.initializer_range == 0.02);
  CHECK(read("gmoe_tiny", {{"attn_pdrop", "absent"}, {"embd_pdrop", "absent"}, {"resid_pdrop", "absent"}})
            .shape.dropout == 0.1);
  CHECK(read("switch_tiny", {{"moe_layers", "absent"}}).moe_layers == blocks{0, 2});
  CHECK(read("gshard_tiny", {{"moe_layers", "absent"}}).moe_layers == blocks{0, 2});
  CHECK(read("dense_tiny", {{"moe_layers", "absent"}}).moe_layers.empty());
  CHECK(read("switch_tiny", {{"num_experts", "absent"}}).shape.experts == 4);
  CHECK(read("switch_tiny", {{"num_global_experts", "absent"}}).shape.experts == 4);
  CHECK(read("gshard_tiny", {{"router_top_k", "absent"}}).top_k == 0);
  CHECK(read("gshard_tiny", {{"router_top_k", 3}}).top_k == 3);
  CHECK(read("gmoe_tiny", {{"moe_layers", {2, 0}}}).moe_layers == blocks{0, 2});
}

TEST_CASE("io/official_config: mistakes") {
  CHECK_HAS(complaint("gmoe_tiny", {{"moe_type", "hash"}}),
            "moe_type is 'hash', expected one of gmoe, switch, gshard, dense");
  for (const char* needed :
       {"moe_type", "vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "num_global_experts"})
    CHECK_HAS(complaint("gmoe_tiny", {{needed, "absent"}}), std::string(needed) + " is missing");
  CHECK_HAS(complaint("switch_tiny", {{"num_experts", "absent"}, {"num_global_experts", "absent"}}),
            "num_experts is missing");
  CHECK_HAS(complaint("gmoe_tiny", {{"n_embd", 17}}), "n_embd is 17, expected a multiple of n_head = 2");
  CHECK_HAS(complaint("gmoe_tiny", {{"n_embd", 0}}), "n_embd is 0, expected 1 to 2147483647");
  CHECK_HAS(complaint("gmoe_tiny", {{"n_layer", 1000000}}), "n_layer is 1000000, expected 1 to 100000");
  CHECK_HAS(complaint("gmoe_tiny", {{"vocab_size", "61"}}), "vocab_size is \"61\", expected a whole number");
  CHECK_HAS(complaint("gmoe_tiny", {{"use_local_expert", 1}}), "use_local_expert is 1, expected true or false");
  CHECK_HAS(complaint("gmoe_tiny", {{"router_top_k", 2}}), "router_top_k is 2, but gmoe chooses 1 expert");
  CHECK_HAS(complaint("switch_tiny", {{"router_top_k", 2}}), "router_top_k is 2, but switch chooses 1 expert");
  CHECK_HAS(complaint("gshard_tiny", {{"router_top_k", 5}}), "router_top_k is 5, expected 1 to the 4 experts");
  CHECK_HAS(complaint("gshard_tiny", {{"router_top_k", 0}}), "router_top_k is 0, expected 1 to the 4 experts");
  CHECK_HAS(complaint("switch_tiny", {{"num_experts", 8}}), "num_experts is 8, but num_global_experts is 4");
  CHECK_HAS(complaint("switch_tiny", {{"moe_layers", {1, 4}}}), "moe_layers is 4, expected 0 to 3");
  CHECK_HAS(complaint("switch_tiny", {{"moe_layers", {3, 1, 3}}}), "moe_layers lists block 3 twice");
  CHECK_HAS(complaint("dense_tiny", {{"moe_layers", {1, 2}}}), "a dense model has no router");
  CHECK_HAS(complaint("gmoe_tiny", {{"attn_pdrop", 0.1}}), "attn_pdrop is 0.1, but resid_pdrop is 0");
  CHECK_HAS(complaint("gmoe_tiny", {{"attn_pdrop", 1}, {"embd_pdrop", 1}, {"resid_pdrop", 1}}), "expected less than 1");
  CHECK_HAS(complaint("gmoe_tiny", {{"aux_alpha", -1}}), "aux_alpha is -1, expected at least 0");
  CHECK_HAS(complaint("gmoe_tiny", {{"layer_norm_epsilon", 0}}), "layer_norm_epsilon is 0, expected a positive number");
  CHECK_HAS(complaint("gmoe_tiny", {{"capacity_factor", 0}}), "capacity_factor is 0, expected a positive number");
  CHECK_HAS(complaint("gmoe_tiny", {{"tie_word_embeddings", false}}), "tie_word_embeddings is false, expected true");
  CHECK_HAS(complaint("gmoe_tiny", {{"scale_attn_weights", false}}), "scale_attn_weights is false, expected true");
  CHECK_HAS(complaint("gmoe_tiny", {{"add_cross_attention", true}}), "add_cross_attention is true, expected false");
}

TEST_CASE("io/official_config: descriptions tell variants apart") {
  CHECK(describe(read("switch_tiny", {})) == "a switch model");
  CHECK(describe(read("gmoe_no_state", {})) ==
        "a gmoe model with use_local_expert = true, use_prev_logits = true, use_router_state = false");
}
