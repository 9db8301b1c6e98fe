#pragma once
/// Saving models as published checkpoints.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/official_files.hpp"
#include "gmoe/io/official_load.hpp"
#include "gmoe/io/official_tensors.hpp"
#include "gmoe/io/safetensors_writer.hpp"

namespace gmoe {

/// Throws config_error, naming slot or size, if the official format cannot hold a model of this card and these sizes.
/// Needs no model: a program that will save one asks before it trains.
template <class Card>
void check_official(const sizes& s) {
  if constexpr (!official<Card>) {
    throw config_error(concat("official checkpoints cannot hold this model: its card's slot '",
                              official_card<Card>::obstacle(),
                              "' is not that of GMoE, Switch, GShard, or the dense model with ReLU experts"));
  } else {
    bool routed = false;
    for (index_t b = 0; b < s.layers; ++b) {
      const bool has_experts = Card::placement::has_experts(s, b);
      routed = routed || has_experts;
      require(has_experts || official_card<Card>::has_relu_dense, "official checkpoints cannot hold this model: block ",
              b, " has GPT-2's feed-forward layer, expected relu_feed_forward");
    }
    constexpr official_kind kind = official_card<Card>::kind();
    if (routed)
      require(kind == official_kind::gshard || Card::select::slots(s) == 1,
              "official checkpoints cannot hold this model: ", name_of(kind), " chooses 1 expert per token, the model ",
              Card::select::slots(s));
  }
}

/// The config of a model. Throws config_error as check_official does.
template <class Model>
official_config official_config_of(Model& model) {
  using card = typename Model::card;
  check_official<card>(model.shape());
  official_config c;
  if constexpr (official<card>) {
    c = detail::official_switches<card>();
    c.shape = model.shape();
    c.shape.moe_blocks.clear();
    for (std::size_t b = 0; b < model.blocks().size(); ++b)
      if (model.blocks()[b].moe) c.shape.moe_blocks.push_back(static_cast<index_t>(b));
    if (!c.shape.moe_blocks.empty()) c.shape.top_k = card::select::slots(model.shape());
  }
  return c;
}

namespace detail {

/// Adds one tensor as F32, made when it is written.
template <class B>
void add_official(safetensors_writer& writer, const official_tensor<B>& t) {
  writer.add_streamed<float>(t.name, t.shape, [t](const chunk_sink<float>& sink) {
    const auto values = t.pack(t.holder->value());
    std::vector<float> narrow(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      require(!std::isfinite(values[i]) || std::abs(values[i]) <= std::numeric_limits<float>::max(), "tensor '", t.name,
              "': element ", i, ", ", values[i], ", does not fit into F32");
      narrow[i] = static_cast<float>(values[i]);
    }
    sink(narrow);
  });
}

}  // namespace detail

/// Writes the model as a published checkpoint: weights in F32 with every copy of shared tensors, and the config. Each
/// file appears whole or not at all, the config last. Throws config_error if the official format cannot hold the model,
/// file_error if a file cannot be written.
template <class Model>
void save_official(const official_files& files, Model& model) {
  const official_config config = official_config_of(model);
  if constexpr (official<typename Model::card>) {
    using B = typename Model::backend_type;
    std::vector<official_tensor<B>> tensors;
    each_official_tensor(model, [&](const official_tensor<B>& t) { tensors.push_back(t); });
    std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    safetensors_writer writer;
    writer.set_metadata("format", "pt");
    for (const auto& t : tensors) detail::add_official(writer, t);
    writer.write(files.weights);
    atomic_write(files.config, official_config_text(config));
  }
}

/// As above, into a folder that is made if it is not there: config.json and model.safetensors.
template <class Model>
void save_official(const std::filesystem::path& folder, Model& model) {
  official_config_of(model);  // before anything is written
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  require<file_error>(std::filesystem::is_directory(folder), "checkpoint ", in_quotes(folder.string(), 4096),
                      ": the folder cannot be made: ", failure.message());
  save_official(official_files(folder / "config.json", folder / official_files::weight_names[0]), model);
}

}  // namespace gmoe
