#pragma once
/// What a training checkpoint says of itself, in its file's metadata.

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gmoe/core/text.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/moe/settings.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe {

/// What a checkpoint says of itself.
struct checkpoint_header {
  static constexpr const char* format = "gmoe training state 2";
  /// Of version 0.1, where the numbers of policies stood among the sizes.
  static constexpr const char* format_1 = "gmoe training state 1";

  std::string variant;  ///< name of the card
  std::string text;     ///< a fingerprint of the training text, empty: not checked
  std::int64_t step = 0;
  sizes shape;
  std::map<std::string, std::string> settings;  ///< the card's numbers, "balance.alpha" to "0.01"
  recipe how;
  std::optional<double> validation_loss;           ///< in nats per token, where it was measured at this step
  std::map<std::string, double> unread_numbers{};  ///< see language_model
  bool first_format = false;  ///< read from a file of format_1: `settings` may have others than the card

  /// Takes the numbers of a card.
  template <class Card>
  void set_card(const Card& card) {
    settings.clear();
    each_setting(card, [&](const setting& s) { settings[s.path()] = s.text(); });
  }
  /// The card, given with its own numbers, with the header's. Throws file_error, its message beginning with `file`, for
  /// one that is missing, that the card does not have, or that it may not have.
  template <class Card>
  Card card(const std::string& file, Card made = {}) const {
    std::map<std::string, std::string> left = settings;
    for (const setting& s : settings_of(made)) {
      const auto found = left.find(s.path());
      require<file_error>(found != left.end() || first_format, file, ": no metadata 'card.", s.path(), "'");
      if (found == left.end() || (first_format && is_not_read_in_format_1(made, s.path()))) continue;
      try {
        s.read(found->second);
      } catch (const config_error& e) {
        throw file_error(concat(file, ": metadata ", in_quotes(key_of(s.path())), ": ", e.what()));
      }
      left.erase(found);
    }
    require<file_error>(left.empty() || first_format, file, ": metadata ",
                        in_quotes("card." + (left.empty() ? "" : left.begin()->first)), " is no number of the card ",
                        text_of_card(made).name);
    return made;
  }

  std::map<std::string, std::string> to_metadata() const {
    std::map<std::string, std::string> m{
        {"format", format}, {"variant", variant}, {"text", text}, {"step", std::to_string(step)}};
    each_field(shape, [&](const auto& f, const auto& v) { m["sizes." + std::string(f.name)] = to_text(v); });
    for (const auto& [path, value] : settings) m["card." + path] = value;
    each_field(how, [&](const auto& f, const auto& v) { m["recipe." + std::string(f.name)] = to_text(v); });
    if (validation_loss) m["validation_loss"] = to_text(*validation_loss);
    for (const auto& [number, value] : unread_numbers) m["unread." + number] = to_text(value);
    return m;
  }

  /// Throws file_error, its message beginning with `file`, for what is missing, no number, or no recipe.
  static checkpoint_header from_metadata(const std::map<std::string, std::string>& m, const std::string& file) {
    const auto get = [&](const std::string& key) -> const std::string& {
      const auto found = m.find(key);
      require<file_error>(found != m.end(), file, ": not a training state of this library: no metadata '", key, "'");
      return found->second;
    };
    require<file_error>(get("format") == format || get("format") == format_1, file, ": format is ",
                        in_quotes(get("format")), ", expected '", format, "' or '", format_1, "'");
    checkpoint_header h;
    h.first_format = get("format") == format_1;
    h.variant = get("variant");
    h.text = get("text");
    const auto read = [&](const std::string& key, auto& v) {
      require<file_error>(from_text(get(key), v), file, ": metadata '", key, "' is ", in_quotes(get(key)),
                          ", expected a number");
    };
    read("step", h.step);
    each_field(h.shape, [&](const auto& f, auto& v) { read("sizes." + std::string(f.name), v); });
    each_field(h.how, [&](const auto& f, auto& v) { read("recipe." + std::string(f.name), v); });
    if (h.first_format) {
      for (const auto& [key, path] : names_of_format_1)
        if (const std::string& value = get(key); path != "select.k" || value != "0")  // 0: the card's own
          h.settings[std::string(path)] = value;
    } else {
      for (const auto& [key, value] : m)
        if (key.starts_with("card.")) h.settings[key.substr(5)] = value;
    }
    if (m.contains("validation_loss")) read("validation_loss", h.validation_loss.emplace());
    for (const auto& [key, value] : m)
      if (key.starts_with("unread.")) read(key, h.unread_numbers[key.substr(7)]);
    try {
      check_recipe(h.how);
    } catch (const config_error& e) {
      throw file_error(concat(file, ": ", e.what()));
    }
    require<file_error>(h.step >= 0 && h.step <= h.how.steps, file, ": step is ", h.step, ", expected 0 to the run's ",
                        h.how.steps, " steps");
    return h;
  }

  /// Numbers in the largest matrix of a pool of experts, "parameter/experts.w_in" or one within a form; 0 without any.
  static index_t largest_of_experts(const safetensors_file& file) {
    index_t most = 0;
    for (const tensor_entry& t : file.tensors())
      if (t.name.starts_with("parameter/experts.") ||
          (t.name.starts_with("parameter/form.") && t.name.find(".experts.") != std::string::npos))
        most = std::max(most, t.elements());
    return most;
  }

  /// Throws file_error unless the tensors have room for the sizes: a model of sizes that passed takes about the
  /// memory of the file. To be asked before anything is built.
  void check_room(const safetensors_file& file, const std::string& name) const {
    index_t numbers = 0;
    for (const tensor_entry& t : file.tensors()) numbers += t.elements();
    const auto fits = [&](const char* field, index_t n, index_t most) {
      require<file_error>(n >= 0 && n <= most, name, ": sizes.", field, " is ", n, ", but the file's ",
                          file.tensors().size(), " tensors of ", numbers, " numbers have room for ", most);
    };
    fits("layers", shape.layers, static_cast<index_t>(file.tensors().size()));
    for (const auto& [field, n] : {std::pair{"vocab", shape.vocab}, {"positions", shape.positions}}) {
      fits(field, n, numbers);
      fits("d_model", shape.d_model, n > 0 ? numbers / n : numbers);
    }
    fits("d_ff", shape.d_ff, numbers);
    const index_t units = largest_of_experts(file);
    if (units == 0) return;  // a dense model, of which `experts` says nothing
    fits("experts", shape.experts, units);
    for (const auto& [path, most] :
         {std::pair{"experts.granularity", shape.experts > 0 ? units / shape.experts : units},
          {"experts.shared_experts", numbers}}) {
      index_t n = 0;
      const auto found = settings.find(path);
      if (found != settings.end() && from_text(found->second, n))
        require<file_error>(n <= most, name, ": ", key_of(path), " is ", n, ", but the file's ", file.tensors().size(),
                            " tensors of ", numbers, " numbers have room for ", most);
    }
  }

 private:
  /// Where the numbers of policies stood in format_1, and where they stand now.
  static constexpr std::array<std::pair<const char*, std::string_view>, 6> names_of_format_1{
      {{"sizes.top_k", "select.k"},
       {"sizes.granularity", "experts.granularity"},
       {"sizes.shared_experts", "experts.shared_experts"},
       {"sizes.moe_blocks", "placement.blocks"},
       {"sizes.capacity_factor", "capacity.factor"},
       {"sizes.balance_alpha", "balance.alpha"}}};
  /// The key of a card's number in the file's metadata.
  std::string key_of(std::string_view path) const {
    if (first_format)
      for (const auto& [key, now] : names_of_format_1)
        if (now == path) return key;
    return "card." + std::string(path);
  }
  /// In format_1 every model had a number of shared experts, 1 where nobody asked for another.
  template <class Card>
  static bool is_not_read_in_format_1(const Card& card, std::string_view path) {
    return path == "experts.shared_experts" && !computes_shared_experts(card);
  }
};

/// Reads only what the checkpoint says of itself: to build the model that it fits. Sizes that the file has no room for
/// are refused.
inline checkpoint_header read_checkpoint_header(const std::filesystem::path& path) {
  const safetensors_file file(path);
  const std::string name = in_quotes(path.string(), 4096);
  const checkpoint_header h = checkpoint_header::from_metadata(file.metadata(), name);
  h.check_room(file, name);
  return h;
}

}  // namespace gmoe
