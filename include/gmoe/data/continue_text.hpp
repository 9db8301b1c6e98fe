#pragma once
/// Text in, text out: generating with a tokenizer.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/model/generate.hpp"

namespace gmoe {

/// `prompt` (not empty) and what the model makes of it.
template <class Model, class Tokenizer = byte_tokenizer>
std::string continue_text(const Model& model, std::string_view prompt, const sampling& how = {},
                          const Tokenizer& tokenizer = {}) {
  require<data_error>(!prompt.empty(), "continue_text: the prompt is empty, expected at least one token");
  const std::vector<id_type> ids = tokenizer.encode(prompt);
  return std::string(prompt) + tokenizer.decode(generate(model, std::span<const id_type>(ids), how));
}

}  // namespace gmoe
