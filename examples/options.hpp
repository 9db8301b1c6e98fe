#pragma once
/// Command-line options for every number of a model and of a training run: --d-model, --steps, ... with their help.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"

namespace examples {

/// What each field of gmoe::sizes and gmoe::recipe is, in the words of --help.
inline const std::map<std::string_view, const char*>& field_help() {
  static const std::map<std::string_view, const char*> help{
      // sizes
      {"vocab", "number of token ids; 256 for bytes"},
      {"positions", "longest sequence that the model can read, in tokens"},
      {"d_model", "width of a token's vector"},
      {"layers", "number of transformer blocks"},
      {"heads", "attention heads per block; divides d-model"},
      {"d_ff", "hidden width of an expert, and of dense feed-forward layers"},
      {"experts", "routed experts: of the global pool, or of each layer"},
      {"top_k", "experts per token; 0 takes the variant's own number"},
      {"granularity",
       "parts that fine-grained variants split an expert into; divides d-ff (gmoe-fine-grained: 2 if not given)"},
      {"shared_experts", "always-on experts per layer of variants that have several"},
      {"moe_blocks", "blocks with a mixture, such as 1,3, for variants that let you list them"},
      {"capacity_factor", "room per expert over an even load, for variants with a capacity"},
      {"balance_alpha", "coefficient of the load-balancing loss; 0 switches it off"},
      {"dropout", "dropout probability while training; GPT-2 used 0.1"},
      {"layer_norm_epsilon", "added to the variance in layer normalisation"},
      {"initializer_range", "standard deviation of initial weights"},
      // recipe
      {"steps", "optimiser steps"},
      {"batch", "sequences per forward pass"},
      {"sequence", "tokens per sequence; at most positions"},
      {"accumulation", "forward passes per optimiser step, their gradients averaged"},
      {"learning_rate", "highest learning rate; the paper's models use 3e-4"},
      {"warmup_fraction", "share of the steps over which the learning rate rises from 0"},
      {"final_fraction", "learning rate at the end, as a share of the highest"},
      {"beta1", "AdamW: decay of the mean of gradients"},
      {"beta2", "AdamW: decay of the mean of squared gradients"},
      {"epsilon", "AdamW: added to the root of the second moment"},
      {"weight_decay", "AdamW: decay of every parameter"},
      {"clip_norm", "largest norm of the whole gradient; 0 never clips"},
      {"validation_fraction", "share of the text, at its end, that is kept for validation"},
      {"seed", "of initial weights, order of the data, and dropout"},
  };
  return help;
}

/// The option of a field: "d_model" is "--d-model".
inline std::string option_name(std::string_view field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// One option per field of `fields`, whose present values are the defaults, under the headline `group`; `without` lists
/// fields that get no option.
template <class Fields>
void add_field_options(CLI::App& app, Fields& fields, const std::string& group,
                       std::initializer_list<std::string_view> without = {}) {
  each_field(fields, [&](const char* field, auto& value) {
    if (std::find(without.begin(), without.end(), field) != without.end()) return;
    CLI::Option* option = app.add_option(option_name(field), value, field_help().at(field));
    option->group(group);
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<gmoe::index_t>>)
      option->delimiter(',');
    else
      option->capture_default_str();
  });
}

/// Options for the sizes of a model.
inline void add_size_options(CLI::App& app, gmoe::sizes& shape, std::initializer_list<std::string_view> without = {}) {
  add_field_options(app, shape, "Sizes", without);
}

/// Options for how a model is trained.
inline void add_recipe_options(CLI::App& app, gmoe::recipe& how, std::initializer_list<std::string_view> without = {}) {
  add_field_options(app, how, "Training", without);
}

}  // namespace examples
