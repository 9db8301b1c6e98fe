#pragma once
/// What a training checkpoint says of itself, in its file's metadata.

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe {

namespace detail {

inline std::string to_text(double v) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v);
  return {buffer, end.ptr};
}
inline std::string to_text(std::int64_t v) { return std::to_string(v); }
inline std::string to_text(std::uint64_t v) { return std::to_string(v); }
inline std::string to_text(const std::vector<index_t>& v) {
  std::string text;
  for (index_t x : v) text += (text.empty() ? "" : " ") + std::to_string(x);
  return text;
}

template <class Number>
requires std::is_arithmetic_v<Number>
inline bool from_text(const std::string& text, Number& v) {
  const auto r = std::from_chars(text.data(), text.data() + text.size(), v);
  return r.ec == std::errc{} && r.ptr == text.data() + text.size();
}
inline bool from_text(const std::string& text, std::vector<index_t>& v) {
  v.clear();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    index_t x = 0;
    if (!from_text(text.substr(at, end - at), x)) return false;
    v.push_back(x);
    at = end + 1;
  }
  return true;
}

}  // namespace detail

/// What a checkpoint says of itself.
struct checkpoint_header {
  static constexpr const char* format = "gmoe training state 1";

  std::string variant;  ///< name of the card
  std::string text;     ///< a fingerprint of the training text, empty: not checked
  std::int64_t step = 0;
  sizes shape;
  recipe how;
  std::optional<double> validation_loss;  ///< in nats per token, where it was measured at this step

  std::map<std::string, std::string> to_metadata() const {
    std::map<std::string, std::string> m{
        {"format", format}, {"variant", variant}, {"text", text}, {"step", std::to_string(step)}};
    each_field(shape, [&](const char* name, const auto& v) { m[std::string("sizes.") + name] = detail::to_text(v); });
    each_field(how, [&](const char* name, const auto& v) { m[std::string("recipe.") + name] = detail::to_text(v); });
    if (validation_loss) m["validation_loss"] = detail::to_text(*validation_loss);
    return m;
  }

  /// Throws file_error, its message beginning with `file`, for what is missing, no number, or no recipe.
  static checkpoint_header from_metadata(const std::map<std::string, std::string>& m, const std::string& file) {
    const auto get = [&](const std::string& key) -> const std::string& {
      const auto found = m.find(key);
      require<file_error>(found != m.end(), file, ": not a training state of this library: no metadata '", key, "'");
      return found->second;
    };
    require<file_error>(get("format") == format, file, ": format is ", in_quotes(get("format")), ", expected '", format,
                        "'");
    checkpoint_header h;
    h.variant = get("variant");
    h.text = get("text");
    const auto read = [&](const std::string& key, auto& v) {
      require<file_error>(detail::from_text(get(key), v), file, ": metadata '", key, "' is ", in_quotes(get(key)),
                          ", expected a number");
    };
    read("step", h.step);
    each_field(h.shape, [&](const char* name, auto& v) { read(std::string("sizes.") + name, v); });
    each_field(h.how, [&](const char* name, auto& v) { read(std::string("recipe.") + name, v); });
    if (m.contains("validation_loss")) read("validation_loss", h.validation_loss.emplace());
    try {
      check_recipe(h.how);
    } catch (const config_error& e) {
      throw file_error(concat(file, ": ", e.what()));
    }
    require<file_error>(h.step >= 0 && h.step <= h.how.steps, file, ": step is ", h.step, ", expected 0 to the run's ",
                        h.how.steps, " steps");
    return h;
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
    if (!file.contains("parameter/experts.w_in")) return;  // a dense model, of which `experts` says nothing
    const index_t units = file.entry("parameter/experts.w_in").elements();
    fits("experts", shape.experts, units);
    fits("granularity", shape.granularity, shape.experts > 0 ? units / shape.experts : units);
    fits("shared_experts", shape.shared_experts, numbers);
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
