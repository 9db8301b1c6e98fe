#include "gmoe/data/tokenizer.hpp"

#include <doctest/doctest.h>

#include "gmoe/data/byte_tokenizer.hpp"

namespace {

/// Another tokenizer, as a user would write one: words of a fixed list, one id each.
struct word_tokenizer {
  std::vector<std::string> words;
  gmoe::index_t vocabulary_size() const { return static_cast<gmoe::index_t>(words.size()); }
  std::vector<gmoe::id_type> encode(std::string_view text) const {
    std::vector<gmoe::id_type> ids;
    while (!text.empty())
      for (std::size_t i = 0; i < words.size(); ++i)
        if (text.starts_with(words[i])) {
          ids.push_back(static_cast<gmoe::id_type>(i));
          text.remove_prefix(words[i].size());
          break;
        }
    return ids;
  }
  std::string decode(std::span<const gmoe::id_type> ids) const {
    std::string text;
    for (const gmoe::id_type id : ids) text += words[static_cast<std::size_t>(id)];
    return text;
  }
};

struct without_decode {
  gmoe::index_t vocabulary_size() const { return 1; }
  std::vector<gmoe::id_type> encode(std::string_view) const { return {}; }
};

std::string there_and_back(const gmoe::tokenizer auto& t, std::string_view text) { return t.decode(t.encode(text)); }

}  // namespace

TEST_CASE("data/tokenizer: code written for the concept takes any tokenizer") {
  static_assert(!gmoe::tokenizer<without_decode>);
  const word_tokenizer words{{"the ", "light ", "was "}};
  CHECK(words.encode("light was the light ") == std::vector<gmoe::id_type>{1, 2, 0, 1});
  CHECK(there_and_back(words, "light was the light ") == "light was the light ");
  CHECK(there_and_back(gmoe::byte_tokenizer{}, "light was the light ") == "light was the light ");
}
