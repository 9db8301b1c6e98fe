#include "gmoe/nn/kv_cache.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gmoe;

namespace {
struct word {
  std::string read;
};
const int me = 0, other = 0;

/// Reads one more text of which the policy sees every letter.
std::string read(sequence_memory& memory, const std::string& text, index_t at, const void* owner = &me) {
  const auto now = memory.reopen<word>(owner, 0, 0, at, std::ssize(text));
  now->read += text;
  return now->read;
}
}  // namespace

TEST_CASE("nn/kv_cache: a policy goes on where the pass before has ended") {
  sequence_memory memory;
  CHECK(read(memory, "ab", 0) == "ab");
  CHECK(read(memory, "c", 2) == "abc");
  CHECK(read(memory, "de", 3) == "abcde");
  CHECK(read(memory, "x", 0) == "x");
  CHECK(read(memory, "y", 1) == "xy");
}

TEST_CASE("nn/kv_cache: a pass that failed has changed nothing") {
  sequence_memory memory;
  read(memory, "ab", 0);
  read(memory, "wrong", 2);
  CHECK(read(memory, "c", 2) == "abc");
  CHECK(read(memory, "d", 3) == "abcd");
}

TEST_CASE("nn/kv_cache: each owner, layer and round has its own, and a copy is a snapshot") {
  sequence_memory memory;
  read(memory, "ab", 0);
  CHECK(read(memory, "c", 0, &other) == "c");
  CHECK(memory.reopen<word>(&me, 1, 0, 0, 1)->read.empty());
  CHECK(memory.reopen<word>(&me, 0, 1, 0, 1)->read.empty());
  sequence_memory copy = memory;
  CHECK(read(memory, "c", 2) == "abc");
  CHECK(read(copy, "d", 2) == "abd");
  CHECK(read(memory, "e", 3) == "abce");
}

TEST_CASE("nn/kv_cache: elsewhere it cannot go on") {
  sequence_memory memory;
  read(memory, "abc", 0);
  const std::string last = "; it can go on from their end, or begin anew";
  CHECK_THROWS_WITH_AS(
      read(memory, "d", 2),
      ("a policy remembers the 3 tokens that were read, but the sequence goes on after 2" + last).c_str(),
      config_error);
  CHECK(read(memory, "d", 3) == "abcd");
  CHECK_THROWS_AS(read(memory, "d", 3, &other), config_error);  // read by another model
}
