#pragma once
/// What a tokenizer is: text to ids and back.

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// A type that turns text into ids in {0, ..., vocabulary_size()-1} and back. `decode` joins the ids' texts and throws
/// data_error for an id outside that range; a model's `vocab` is `vocabulary_size()`.
template <class T>
concept tokenizer = requires(const T& t, std::string_view text, std::span<const id_type> ids) {
  { t.vocabulary_size() } -> std::same_as<index_t>;
  { t.encode(text) } -> std::same_as<std::vector<id_type>>;
  { t.decode(ids) } -> std::same_as<std::string>;
};

}  // namespace gmoe
