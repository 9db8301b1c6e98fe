#include "gmoe/data/byte_tokenizer.hpp"

#include <doctest/doctest.h>

TEST_CASE("data/byte_tokenizer: every byte is its own id") {
  const gmoe::byte_tokenizer t;
  std::string all;
  for (int b = 0; b < 256; ++b) all.push_back(static_cast<char>(b));
  const std::vector<gmoe::id_type> ids = t.encode(all);
  REQUIRE(ids.size() == static_cast<std::size_t>(t.vocabulary_size()));
  for (std::size_t b = 0; b < 256; ++b) CHECK(ids[b] == static_cast<gmoe::id_type>(b));
  CHECK(t.decode(ids) == all);
  CHECK(t.encode("\xc3\xa9") == std::vector<gmoe::id_type>{0xC3, 0xA9});
  CHECK(t.encode("").empty());
  CHECK(t.decode({}).empty());
}

TEST_CASE("data/byte_tokenizer: ids that are no bytes are refused with their place") {
  const gmoe::byte_tokenizer t;
  CHECK_THROWS_WITH_AS(t.decode(std::vector<gmoe::id_type>{65, 256}), doctest::Contains("id 256 at position 1"),
                       gmoe::data_error);
  CHECK_THROWS_AS(t.decode(std::vector<gmoe::id_type>{-1}), gmoe::data_error);
}
