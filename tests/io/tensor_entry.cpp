#include "gmoe/io/tensor_entry.hpp"

#include <doctest/doctest.h>

#include <limits>

using gmoe::dense_bytes;
using gmoe::dtype;
using gmoe::index_t;

TEST_CASE("io/tensor_entry: the bytes of a shape") {
  CHECK(dense_bytes(dtype::f32, {}) == 4);
  CHECK(dense_bytes(dtype::f64, {2, 3}) == 48);
  CHECK(dense_bytes(dtype::u8, {7, 0, 3}) == 0);
  const gmoe::tensor_entry entry{"w", dtype::bf16, {2, 3}, 100, 112};
  CHECK(entry.size_bytes() == 12);
  CHECK(entry.elements() == 6);
}

TEST_CASE("io/tensor_entry: shapes whose bytes or partial products overflow have none") {
  constexpr index_t huge = std::numeric_limits<index_t>::max();
  CHECK(dense_bytes(dtype::u8, {huge}) == huge);
  CHECK(dense_bytes(dtype::i16, {huge}) == -1);
  CHECK(dense_bytes(dtype::u8, {huge, 2}) == -1);
  CHECK(dense_bytes(dtype::f32, {index_t{1} << 32, index_t{1} << 32}) == -1);  // wraps to 0 in 64 bits
  CHECK(dense_bytes(dtype::u8, {huge, 2, 0}) == -1);
  CHECK(dense_bytes(dtype::u8, {0, huge, 2}) == -1);
  CHECK(dense_bytes(dtype::u8, {-1}) == -1);
}

TEST_CASE("io/tensor_entry: shapes in messages") {
  CHECK(gmoe::shape_text({}) == "[]");
  CHECK(gmoe::shape_text({2, 3}) == "[2, 3]");
  CHECK(gmoe::shape_text(std::vector<index_t>(1000, 1)) == "[1, 1, 1, 1, 1, 1, 1, 1, ...]");
}
