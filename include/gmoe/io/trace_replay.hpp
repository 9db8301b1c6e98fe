#pragma once
/// A routing to replay, from a trace.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/moe/inner.hpp"
#include "gmoe/nn/replay.hpp"

namespace gmoe {

namespace detail {

/// [sequences, length, columns] of so many tokens; the product of a stranger's numbers may be no number.
inline bool is_by_token(const std::vector<index_t>& shape, index_t tokens) {
  return shape.size() == 3 && shape[0] > 0 && shape[2] > 0 && tokens % shape[0] == 0 && tokens / shape[0] == shape[1];
}

/// Choices of one mixture, checked: ids below `experts` or `no_choice`, none twice for a token, or for one of so many
/// parts of it.
template <class B>
id_matrix<B> read_choices(const safetensors_file& file, const std::string& key, const std::string& path, index_t tokens,
                          index_t parts, index_t experts) {
  const std::vector<index_t>& shape = file.entry(key).shape;
  require<file_error>(is_by_token(shape, tokens), "trace ", path, ": tensor '", key, "' has shape ", shape_text(shape),
                      ", expected [sequences, length, choices] of ", tokens, " tokens");
  require<file_error>(shape[2] % parts == 0, "trace ", path, ": tensor '", key, "' has ", shape[2],
                      " choices per token, expected as many for each of its ", parts, " parts");
  const std::vector<std::int64_t> stored = file.read<std::int64_t>(key);
  const auto k = static_cast<std::size_t>(shape[2] / parts);
  std::vector<id_type> ids;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::int64_t e = stored[i];
    require<file_error>(e == no_choice || (e >= 0 && e < experts), "trace ", path, ": tensor '", key, "' has expert ",
                        e, " at position ", i, ", expected 0 to ", experts - 1, ", or ", no_choice, " for none");
    const auto first = stored.begin() + static_cast<std::ptrdiff_t>(i - i % k);
    require<file_error>(e == no_choice || std::count(first, first + static_cast<std::ptrdiff_t>(k), e) == 1, "trace ",
                        path, ": tensor '", key, "' has expert ", e, " twice for token ",
                        i / static_cast<std::size_t>(shape[2]));
    ids.push_back(static_cast<id_type>(e));
  }
  id_matrix<B> m(parts * tokens, shape[2] / parts);
  if (!ids.empty()) B::upload(m.data(), ids.data(), ids.size() * sizeof(id_type));
  return m;
}

}  // namespace detail

/// The choices of a trace for a pass of `model` over `tokens` tokens, with the constants behind cuts if asked for. The
/// trace may be of another card, with another number of choices per token: mixtures, experts and tokens must agree.
/// Throws file_error.
template <class Model>
replay<typename Model::backend_type> read_replay(const std::filesystem::path& path, const Model& model, index_t tokens,
                                                 bool constants) {
  using B = typename Model::backend_type;
  using scalar = typename B::scalar;
  const safetensors_file file(path);
  const std::string name = in_quotes(path.string(), 4096);
  require<file_error>(!form_holds_cards(model.card()), "trace ", name,
                      ": a trace of a card whose form holds mixtures cannot be replayed");
  replay<B> r;
  for (index_t l = 0; l < model.moe().layers(); ++l) {
    const index_t number = model.moe().shape(l).block, experts = model.moe().shape(l).experts;
    const index_t parts = model.moe().shape(l).rows_per_token;
    require<file_error>(model.moe().shape(l).rounds == 1, "trace ", name,
                        ": a trace of a card whose form routes several times cannot be replayed");
    const std::string at = "layer" + std::to_string(number) + "/";
    r.layers.push_back({experts, detail::read_choices<B>(file, at + "chosen", name, tokens, parts, experts),
                        detail::read_choices<B>(file, at + "kept", name, tokens, parts, experts)});
    require<file_error>(r.layers.back().chosen.cols() == r.layers.back().kept.cols(), "trace ", name, ": tensors '", at,
                        "chosen' and '", at, "kept' have different numbers of choices");
    if (!constants) continue;
    const std::string cut = at + "cut/";
    for (const tensor_entry& t : file.tensors()) {
      if (!t.name.starts_with(cut)) continue;
      require<file_error>(detail::is_by_token(t.shape, tokens), "trace ", name, ": tensor ", in_quotes(t.name),
                          " has shape ", shape_text(t.shape), ", expected [sequences, length, columns] of ", tokens,
                          " tokens");
      r.constants.push_back(
          {t.name.substr(cut.size()), number, matrix<B>::from_host(file.read<scalar>(t.name), tokens, t.shape[2])});
    }
  }
  return r;
}

}  // namespace gmoe
