#pragma once
/// Saving and resuming a training run: one file, written atomically, that holds everything.

#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "gmoe/io/check_buffers.hpp"
#include "gmoe/io/safetensors.hpp"
#include "gmoe/train/trainer.hpp"

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

  std::map<std::string, std::string> to_metadata() const {
    std::map<std::string, std::string> m{
        {"format", format}, {"variant", variant}, {"text", text}, {"step", std::to_string(step)}};
    each_field(shape, [&](const char* name, const auto& v) { m[std::string("sizes.") + name] = detail::to_text(v); });
    each_field(how, [&](const char* name, const auto& v) { m[std::string("recipe.") + name] = detail::to_text(v); });
    return m;
  }

  static checkpoint_header from_metadata(const std::map<std::string, std::string>& m, const std::string& file) {
    const auto get = [&](const std::string& key) -> const std::string& {
      const auto found = m.find(key);
      require<file_error>(found != m.end(), file, ": not a training state of this library: no metadata '", key, "'");
      return found->second;
    };
    require<file_error>(get("format") == format, file, ": format is '", get("format"), "', expected '", format, "'");
    checkpoint_header h;
    h.variant = get("variant");
    h.text = get("text");
    const auto read = [&](const std::string& key, auto& v) {
      require<file_error>(detail::from_text(get(key), v), file, ": metadata '", key, "' is '", get(key),
                          "', expected a number");
    };
    read("step", h.step);
    each_field(h.shape, [&](const char* name, auto& v) { read(std::string("sizes.") + name, v); });
    each_field(h.how, [&](const char* name, auto& v) { read(std::string("recipe.") + name, v); });
    require<file_error>(h.step >= 0, file, ": step is ", h.step, ", expected 0 or more");
    return h;
  }
};

/// Reads only what the checkpoint says of itself: to build the model that it fits.
inline checkpoint_header read_checkpoint_header(const std::filesystem::path& path) {
  return checkpoint_header::from_metadata(safetensors_file(path).metadata(), path.string());
}

/// Writes parameters, moments, data that is not trained (such as a hash table), step, sizes and recipe to `path`.
/// Atomic: a crash at any moment leaves the previous file.
template <class Model, class Token>
void save_checkpoint(const std::filesystem::path& path, trainer<Model, Token>& run, const std::string& variant,
                     const std::string& text = "") {
  using scalar = typename Model::backend_type::scalar;
  safetensors_writer file;
  for (auto& [key, value] :
       checkpoint_header{variant, text, run.steps_done(), run.model().shape(), run.how()}.to_metadata())
    file.set_metadata(key, value);
  const auto add = [&](const std::string& name, const auto& m) {
    using element = typename std::decay_t<decltype(m)>::element;
    file.add_streamed<element>(name, {m.rows(), m.cols()},
                               [&m](const chunk_sink<element>& sink) { sink(m.to_host()); });
  };
  run.model().each_parameter([&](const auto& p) { add("parameter/" + p.name(), p.value()); });
  run.optimizer().each_moment([&](const std::string& name, const auto& first, const auto& second) {
    add("first_moment/" + name, first);
    add("second_moment/" + name, second);
  });
  if constexpr (requires { run.model().each_buffer([](const std::string&, auto&) {}); })
    run.model().each_buffer([&](const std::string& name, const auto& m) { add("buffer/" + name, m); });
  static_assert(std::is_floating_point_v<scalar>);
  file.write(path);
}

/// Restores what save_checkpoint wrote into `run`. Everything is checked before anything is changed: the variant,
/// the text, sizes and recipe must be the run's own, every tensor there with its shape.
template <class Model, class Token>
void load_checkpoint(const std::filesystem::path& path, trainer<Model, Token>& run, const std::string& variant,
                     const std::string& text = "") {
  using B = typename Model::backend_type;
  const safetensors_file file(path);
  const std::string name = path.string();
  const checkpoint_header found = checkpoint_header::from_metadata(file.metadata(), name);
  const auto mine = checkpoint_header{variant, text, found.step, run.model().shape(), run.how()}.to_metadata();
  for (const auto& [key, value] : mine)
    require<file_error>(file.metadata().at(key) == value, name, ": this checkpoint's ", key, " is '",
                        file.metadata().at(key), "', but this run's is '", value, "'");

  std::size_t expected = 0;
  const auto each = [&](const auto& visit) {
    run.model().each_parameter([&](auto& p) { visit("parameter/" + p.name(), p.value()); });
    run.optimizer().each_moment([&](const std::string& n, auto& first, auto& second) {
      visit("first_moment/" + n, first);
      visit("second_moment/" + n, second);
    });
    if constexpr (requires { run.model().each_buffer([](const std::string&, auto&) {}); })
      run.model().each_buffer([&](const std::string& n, auto& m) { visit("buffer/" + n, m); });
  };
  each([&](const std::string& n, const auto& m) {
    const auto& shape = file.entry(n).shape;
    require<file_error>(shape == std::vector<index_t>{m.rows(), m.cols()}, name, ": tensor '", n,
                        "' does not have the shape ", m.rows(), " x ", m.cols(), " of this model");
    ++expected;
  });
  require<file_error>(file.tensors().size() == expected, name, ": ", file.tensors().size(), " tensors, expected ",
                      expected);
  check_buffers(file, run.model(), name);
  each([&](const std::string& n, auto& m) {
    using element = typename std::decay_t<decltype(m)>::element;
    const std::vector<element> values = file.template read<element>(n);
    if (!values.empty()) B::upload(m.data(), values.data(), values.size() * sizeof(element));
  });
  run.resume_at(found.step);
}

}  // namespace gmoe
