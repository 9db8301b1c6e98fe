#pragma once
/// Saving models as published checkpoints.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <variant>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/official_files.hpp"
#include "gmoe/io/official_load.hpp"
#include "gmoe/io/official_tensors.hpp"
#include "gmoe/io/safetensors_writer.hpp"

namespace gmoe {

namespace detail {

/// The value of a number, as text; nothing where the card does not have it.
inline std::optional<std::string> text_of_number(const std::vector<setting>& settings, std::string_view path) {
  for (const setting& s : settings)
    if (s.path() == path) return s.text();
  return std::nullopt;
}
inline std::optional<double> value_of_number(const std::vector<setting>& settings, std::string_view path) {
  for (const setting& s : settings)
    if (s.path() == path)
      return std::visit(
          [&](const auto& v) -> double {
            if constexpr (std::is_arithmetic_v<std::decay_t<decltype(v)>>)
              return static_cast<double>(v);
            else
              throw error(concat(path, " is no number"));
          },
          s.value());
  return std::nullopt;
}

/// check_official of a card whose form and numbers these are, with mixtures in some of the blocks.
inline void check_official_card(const official_form& form, const std::vector<setting>& settings,
                                const std::vector<bool>& has_mixture) {
  check_official_form(form);
  bool routed = false;
  for (std::size_t b = 0; b < has_mixture.size(); ++b) {
    routed = routed || has_mixture[b];
    require(has_mixture[b] || form.relu_dense, "official checkpoints cannot hold this model: block ", b,
            " has GPT-2's feed-forward layer, expected relu_feed_forward");
  }
  if (!routed) return;
  const auto k = text_of_number(settings, "select.k");
  require(form.kind == official_kind::gshard || !k || *k == "1",
          "official checkpoints cannot hold this model: ", name_of(form.kind),
          " chooses 1 expert per token, the model ", k.value_or(""));
  const auto order = text_of_number(settings, "capacity.order"), room = text_of_number(settings, "capacity.room");
  if (!order || !room) return;
  const bool gshard = form.kind == official_kind::gshard;
  const std::string their_order =
      gshard ? to_text(gshard_card{}.capacity.order) : to_text(switch_card{}.capacity.order);
  const std::string their_room = gshard ? to_text(gshard_card{}.capacity.room) : to_text(switch_card{}.capacity.room);
  require(*order == their_order && *room == their_room,
          "official checkpoints cannot hold this model: ", name_of(form.kind), " has capacity.order = ", their_order,
          " and capacity.room = ", their_room, ", the model ", *order, " and ", *room);
}

}  // namespace detail

/// Throws config_error, naming slot or number, if the official format cannot hold a model of this card and these sizes.
/// Needs no model: a program that will save one asks before it trains.
template <class Card>
void check_official(const sizes& s, const Card& card) {
  Card copy = card;
  std::vector<bool> blocks;
  for (index_t b = 0; b < s.layers; ++b) blocks.push_back(has_mixture(card, s, b));
  detail::check_official_card(official_form_of(card), settings_of(copy), blocks);
}

/// The config of a model. Throws config_error as check_official does.
template <class Model>
official_config official_config_of(Model& model) {
  auto card = model.card();
  check_official(model.shape(), card);
  official_config c = detail::official_switches(official_form_of(card));
  c.shape = model.shape();
  // What the model has no use for is as it was in the file that the model came from.
  for (const auto& [name, value] : model.unread_numbers()) {
    if (name == "aux_alpha") c.aux_alpha = value;
    if (name == "capacity_factor") c.capacity_factor = value;
  }
  for (index_t l = 0; l < model.moe().layers(); ++l) c.moe_layers.push_back(model.moe().shape(l).block);
  const std::vector<setting> settings = settings_of(card);
  if (const auto k = detail::value_of_number(settings, "select.k"))
    c.top_k = c.moe_layers.empty() ? 0 : static_cast<index_t>(*k);
  if (const auto alpha = detail::value_of_number(settings, "balance.alpha")) c.aux_alpha = *alpha;
  if (const auto factor = detail::value_of_number(settings, "capacity.factor")) c.capacity_factor = *factor;
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
  using B = typename Model::backend_type;
  std::vector<official_tensor<B>> tensors;
  detail::walk_official_tensors<B>(detail::official_parts<B>(model),
                                   [&](const official_tensor<B>& t) { tensors.push_back(t); });
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  safetensors_writer writer;
  writer.set_metadata("format", "pt");
  for (const auto& t : tensors) detail::add_official(writer, t);
  writer.write(files.weights);
  atomic_write(files.config, official_config_text(config));
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
