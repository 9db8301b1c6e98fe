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

/// Throws config_error, naming slot or number, if the official format cannot hold a model of this card and these sizes.
/// Needs no model: a program that will save one asks before it trains.
template <class Card>
void check_official(const sizes& s, const Card& card) {
  if constexpr (!official<Card>) {
    throw config_error(concat("official checkpoints cannot hold this model: its card's slot '",
                              official_card<Card>::obstacle(),
                              "' is not that of GMoE, Switch, GShard, or the dense model with ReLU experts"));
  } else {
    bool routed = false;
    for (index_t b = 0; b < s.layers; ++b) {
      const bool has_experts = answer_of<slots::placement>(card).has_experts(s, b);
      routed = routed || has_experts;
      require(has_experts || official_card<Card>::has_relu_dense, "official checkpoints cannot hold this model: block ",
              b, " has GPT-2's feed-forward layer, expected relu_feed_forward");
    }
    constexpr official_kind kind = official_card<Card>::kind();
    if constexpr (kind != official_kind::dense)
      require(!routed || kind == official_kind::gshard || card.select.k == 1,
              "official checkpoints cannot hold this model: ", name_of(kind), " chooses 1 expert per token, the model ",
              card.select.k);
    if constexpr (requires { card.capacity.room; }) {
      const auto theirs = std::conditional_t<kind == official_kind::gshard, gshard_card, switch_card>{}.capacity;
      require(!routed || (card.capacity.order == theirs.order && card.capacity.room == theirs.room),
              "official checkpoints cannot hold this model: ", name_of(kind),
              " has capacity.order = ", to_text(theirs.order), " and capacity.room = ", to_text(theirs.room),
              ", the model ", to_text(card.capacity.order), " and ", to_text(card.capacity.room));
    }
  }
}

/// The config of a model. Throws config_error as check_official does.
template <class Model>
official_config official_config_of(Model& model) {
  using card = typename Model::card_type;
  check_official(model.shape(), model.card());
  official_config c;
  if constexpr (official<card>) {
    c = detail::official_switches<card>();
    c.shape = model.shape();
    // What the model has no use for is as it was in the file that the model came from.
    for (const auto& [name, value] : model.unread_numbers()) {
      if (name == "aux_alpha") c.aux_alpha = value;
      if (name == "capacity_factor") c.capacity_factor = value;
    }
    for (index_t l = 0; l < model.moe().layers(); ++l) c.moe_layers.push_back(model.moe().shape(l).block);
    if constexpr (official_card<card>::kind() != official_kind::dense) {
      c.top_k = c.moe_layers.empty() ? 0 : model.card().select.k;
      c.aux_alpha = model.card().balance.alpha;
      if constexpr (requires { model.card().capacity.factor; }) c.capacity_factor = model.card().capacity.factor;
    }
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
  if constexpr (official<typename Model::card_type>) {
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
