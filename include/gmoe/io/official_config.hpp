#pragma once
/// config.json of published checkpoints: which model it is, and its sizes.

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/config_fields.hpp"
#include "gmoe/io/official_card.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// More blocks than the header of one weights file has room for.
inline constexpr index_t max_official_layers = 100'000;

/// What a config says. The three switches belong to `gmoe`.
struct official_config {
  official_kind kind = official_kind::gmoe;
  bool local_expert = true, prev_logits = true, router_state = true;
  sizes shape;
  std::vector<index_t> moe_layers;  ///< the blocks with a router
  index_t top_k = 0;                ///< 0: the kind's own
  double aux_alpha = 0.01, capacity_factor = 1.25;
};

/// "a gmoe model with use_local_expert = true, ...": for messages.
inline std::string describe(const official_config& c) {
  std::string text = concat("a ", name_of(c.kind), " model");
  if (c.kind == official_kind::gmoe)
    text += concat(std::boolalpha, " with use_local_expert = ", c.local_expert, ", use_prev_logits = ", c.prev_logits,
                   ", use_router_state = ", c.router_state);
  return text;
}

namespace detail {

inline official_kind read_moe_type(const config_fields& fields) {
  const std::string type = fields.text("moe_type");
  const auto known = std::find(official_kind_names.begin(), official_kind_names.end(), type);
  if (known == official_kind_names.end()) {
    std::string names;
    for (std::string_view name : official_kind_names) names += concat(names.empty() ? "" : ", ", name);
    fields.fail("moe_type", "is ", in_quotes(type), ", expected one of ", names);
  }
  return static_cast<official_kind>(known - official_kind_names.begin());
}

/// Routed experts of one mixture, and choices per token.
inline void read_routing(const config_fields& fields, official_config& c) {
  sizes& s = c.shape;
  const auto stated_k = fields.integer_if("router_top_k", 0);
  if (c.kind == official_kind::gmoe) {
    s.experts = fields.integer("num_global_experts", 1);
    if (stated_k && *stated_k != 1) fields.fail("router_top_k", "is ", *stated_k, ", but gmoe chooses 1 expert");
    c.local_expert = fields.boolean("use_local_expert", true);
    c.prev_logits = fields.boolean("use_prev_logits", true);
    c.router_state = fields.boolean("use_router_state", true);
    return;
  }
  if (c.kind == official_kind::dense) {
    s.experts = 1;
    return;
  }
  const auto global = fields.integer_if("num_global_experts", 1);
  s.experts = fields.has("num_experts") || !global ? fields.integer("num_experts", 1) : *global;
  if (global && *global != s.experts)
    fields.fail("num_experts", "is ", s.experts, ", but num_global_experts is ", *global, "; expected equal numbers");
  const index_t k = stated_k.value_or(c.kind == official_kind::gshard ? 2 : 1);
  if (c.kind == official_kind::switch_ && k != 1)
    fields.fail("router_top_k", "is ", k, ", but switch chooses 1 expert");
  if (k < 1 || k > s.experts) fields.fail("router_top_k", "is ", k, ", expected 1 to the ", s.experts, " experts");
  c.top_k = stated_k.value_or(0);
}

/// The blocks with a router; where the config has no list, those of the kind's own card.
inline std::vector<index_t> read_moe_layers(const config_fields& fields, official_kind kind, index_t layers) {
  std::vector<index_t> blocks;
  if (const auto listed = fields.integers_if("moe_layers", 0, layers - 1)) {
    blocks = *listed;
    std::sort(blocks.begin(), blocks.end());
    const auto twice = std::adjacent_find(blocks.begin(), blocks.end());
    if (twice != blocks.end()) fields.fail("moe_layers", "lists block ", *twice, " twice");
    if (kind == official_kind::dense && !blocks.empty())
      fields.fail("moe_layers", "lists block ", blocks.front(), ", but a dense model has no router");
    return blocks;
  }
  if (kind == official_kind::dense) return blocks;
  const index_t step = kind == official_kind::gmoe ? 1 : 2;
  for (index_t b = 0; b < layers; b += step) blocks.push_back(b);
  return blocks;
}

/// One rate for embeddings, attention and residual branches; GPT-2's own where a config says nothing.
inline double read_dropout(const config_fields& fields) {
  const double rate = fields.number("resid_pdrop", 0.1, 0, 1);
  for (const char* other : {"attn_pdrop", "embd_pdrop"})
    if (const double r = fields.number(other, 0.1, 0, 1); r != rate)
      fields.fail(other, "is ", r, ", but resid_pdrop is ", rate, "; expected one rate for all");
  if (rate >= 1) fields.fail("resid_pdrop", "is ", rate, ", expected less than 1");
  return rate;
}

}  // namespace detail

/// Reads and checks a config. Fields that change nothing here (such as activation_function: experts use ReLU all the
/// same) are ignored. Throws file_error naming file and field.
inline official_config read_official_config(const std::filesystem::path& path) {
  const config_fields fields(path);
  official_config c;
  c.kind = detail::read_moe_type(fields);
  sizes& s = c.shape;
  s.vocab = fields.integer("vocab_size", 1);
  s.positions = fields.integer("n_positions", 1);
  s.d_model = fields.integer("n_embd", 1);
  s.layers = fields.integer("n_layer", 1, max_official_layers);
  s.heads = fields.integer("n_head", 1);
  if (s.d_model % s.heads != 0) fields.fail("n_embd", "is ", s.d_model, ", expected a multiple of n_head = ", s.heads);
  s.d_ff = fields.integer_if("n_inner", 1).value_or(4 * s.d_model);
  c.aux_alpha = fields.number("aux_alpha", 0.01, 0);
  c.capacity_factor = fields.number("capacity_factor", 1.25, 0);
  s.layer_norm_epsilon = fields.number("layer_norm_epsilon", 1e-5, 0);
  s.initializer_range = fields.number("initializer_range", 0.02, 0);
  for (const auto& [name, value] :
       {std::pair{"capacity_factor", c.capacity_factor}, std::pair{"layer_norm_epsilon", s.layer_norm_epsilon}})
    if (value == 0) fields.fail(name, "is 0, expected a positive number");
  s.dropout = detail::read_dropout(fields);
  for (const char* needed : {"tie_word_embeddings", "scale_attn_weights"})
    if (!fields.boolean(needed, true)) fields.fail(needed, "is false, expected true");
  for (const char* unknown : {"scale_attn_by_inverse_layer_idx", "add_cross_attention"})
    if (fields.boolean(unknown, false)) fields.fail(unknown, "is true, expected false");
  detail::read_routing(fields, c);
  c.moe_layers = detail::read_moe_layers(fields, c.kind, s.layers);
  return c;
}

/// The text of a config.json, with the fields and the layout of published ones.
inline std::string official_config_text(const official_config& c) {
  const sizes& s = c.shape;
  const bool gmoe = c.kind == official_kind::gmoe, dense = c.kind == official_kind::dense;
  nlohmann::ordered_json j;
  j["architectures"] = {"GPT2LMHeadModel"};
  j["model_type"] = "gpt2";
  j["moe_type"] = std::string(name_of(c.kind));
  j["vocab_size"] = s.vocab;
  j["n_positions"] = s.positions;
  j["n_ctx"] = s.positions;
  j["n_embd"] = s.d_model;
  j["n_layer"] = s.layers;
  j["n_head"] = s.heads;
  j["n_inner"] = s.d_ff;
  j["num_global_experts"] = dense ? 0 : s.experts;
  j["aux_alpha"] = c.aux_alpha;
  j["capacity_factor"] = c.capacity_factor;
  j["layer_norm_epsilon"] = s.layer_norm_epsilon;
  j["activation_function"] = "gelu_new";
  for (const char* name : {"attn_pdrop", "embd_pdrop", "resid_pdrop"}) j[name] = s.dropout;
  j["initializer_range"] = s.initializer_range;
  j["scale_attn_weights"] = true;
  j["tie_word_embeddings"] = true;
  j["loss_type"] = "ForCausalLMLoss";
  if (gmoe && !(c.local_expert && c.prev_logits && c.router_state)) {
    j["use_local_expert"] = c.local_expert;
    j["use_prev_logits"] = c.prev_logits;
    j["use_router_state"] = c.router_state;
  }
  if (!gmoe) {
    const index_t own = c.kind == official_kind::gshard ? 2 : 1;
    j["num_experts"] = dense ? 1 : s.experts;
    j["router_top_k"] = dense ? 0 : c.top_k > 0 ? c.top_k : own;
  }
  if (!gmoe || static_cast<index_t>(c.moe_layers.size()) != s.layers) j["moe_layers"] = c.moe_layers;
  return j.dump(2) + "\n";
}

}  // namespace gmoe
