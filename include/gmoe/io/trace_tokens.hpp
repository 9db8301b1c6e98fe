#pragma once
/// What a trace is made of: token ids, and targets where losses are wanted.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/model/batch.hpp"

namespace gmoe {

/// Sequences of one length, row-major.
struct trace_tokens {
  index_t sequences = 0;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> targets;  ///< a target for each token, -1 (or PyTorch's -100): not scored; or empty

  /// Reads `tokens` and, if it is there, `targets` (both sequences x length) of a safetensors file. Throws file_error.
  static trace_tokens read(const std::filesystem::path& path) {
    const safetensors_file file(path);
    const std::vector<index_t> shape = file.entry("tokens").shape;
    const std::string name = in_quotes(path.string(), 4096);
    require<file_error>(shape.size() == 2 && shape[0] > 0 && shape[1] > 0, "safetensors file ", name,
                        ": tensor 'tokens' has shape ", shape_text(shape), ", expected [sequences, length]");
    trace_tokens t{shape[0], file.read<std::int64_t>("tokens"), {}};
    if (file.contains("targets")) {
      require<file_error>(file.entry("targets").shape == shape, "safetensors file ", name,
                          ": tensor 'targets' has shape ", shape_text(file.entry("targets").shape),
                          ", expected that of 'tokens', ", shape_text(shape));
      t.targets = file.read<std::int64_t>("targets");
    }
    return t;
  }

  /// The batch for a model. Throws data_error for what it cannot read.
  template <class Model>
  batch<typename Model::backend_type> batch_for(const Model& model) const {
    const index_t vocab = model.shape().vocab, positions = model.shape().positions;
    const index_t count = static_cast<index_t>(ids.size());
    require<data_error>(sequences >= 1 && count >= sequences && count % sequences == 0, "tokens: ", count, " ids in ",
                        sequences, " sequences, expected sequences of one length, of at least one token");
    require<data_error>(count / sequences <= positions, "tokens: sequences of ", count / sequences,
                        " tokens, but the model has ", positions, " positions");
    require<data_error>(targets.empty() || targets.size() == ids.size(), "targets: ", targets.size(), " for ", count,
                        " tokens");
    std::vector<id_type> tokens, aims;
    for (const std::int64_t id : ids) tokens.push_back(checked("tokens", tokens.size(), id, vocab));
    for (const std::int64_t id : targets)
      aims.push_back(id == -1 || id == -100 ? no_target : checked("targets", aims.size(), id, vocab));
    batch<typename Model::backend_type> data;
    data.assign(tokens, aims, sequences, vocab);
    return data;
  }

 private:
  static id_type checked(std::string_view what, std::size_t position, std::int64_t id, index_t vocab) {
    require<data_error>(id >= 0 && id < vocab, what, ": id ", id, " at position ", position,
                        " is outside the vocabulary of ", vocab);
    return static_cast<id_type>(id);
  }
};

}  // namespace gmoe
