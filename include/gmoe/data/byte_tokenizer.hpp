#pragma once
/// The simplest tokenizer: a token is a byte.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/data/tokenizer.hpp"

namespace gmoe {

/// Ids 0 to 255 are the bytes themselves, so a corpus's bytes are its tokens and any text can be encoded.
struct byte_tokenizer {
  static constexpr index_t vocabulary_size() { return 256; }

  /// One id per byte of `text`.
  std::vector<id_type> encode(std::string_view text) const {
    std::vector<id_type> ids;
    ids.reserve(text.size());
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }

  /// The exact bytes, which need not be valid UTF-8 (see `printable`). Throws data_error for an id outside 0 to 255.
  std::string decode(std::span<const id_type> ids) const {
    std::string text;
    text.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      require<data_error>(ids[i] >= 0 && ids[i] < vocabulary_size(), "byte_tokenizer: id ", ids[i], " at position ", i,
                          " is not a byte, expected 0 to ", vocabulary_size() - 1);
      text.push_back(static_cast<char>(ids[i]));
    }
    return text;
  }
};

static_assert(tokenizer<byte_tokenizer>);

}  // namespace gmoe
