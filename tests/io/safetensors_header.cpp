#include "gmoe/io/safetensors_header.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "io/temp_folder.hpp"

using gmoe::config_error;
using gmoe::dtype;
using gmoe::file_error;
using gmoe::safetensors_header;
using gmoe_test::message_of;

namespace {

std::string tiling_error(safetensors_header header, gmoe::index_t data_bytes) {
  return message_of<file_error>([&] { check_tiling(header, data_bytes, "here"); });
}

}  // namespace

TEST_CASE("io/safetensors_header: the text that is written") {
  const safetensors_header header{{{"w", dtype::f64, {2, 1}, 0, 16}, {"b\"\n", dtype::u8, {}, 16, 17}},
                                  {{"format", "gm\\oe"}, {"a", ""}}};
  const std::string bytes = write_safetensors_header(header);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(bytes.size() == length + 8);
  CHECK(length % 8 == 0);
  const std::string json =
      R"({"__metadata__":{"a":"","format":"gm\\oe"},"w":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},)"
      R"("b\"\n":{"dtype":"U8","shape":[],"data_offsets":[16,17]}})";
  CHECK(bytes.substr(8, json.size()) == json);
  CHECK(bytes.find_first_not_of(' ', 8 + json.size()) == std::string::npos);
  CHECK(length - json.size() < 8);
}

TEST_CASE("io/safetensors_header: no metadata, no tensors") {
  CHECK(gmoe::write_safetensors_header({}) == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST_CASE("io/safetensors_header: what cannot be written is refused") {
  const auto message = [](const safetensors_header& header) {
    return message_of<config_error>([&] { write_safetensors_header(header); });
  };
  CHECK_HAS(message({{{"w\xff", dtype::u8, {}, 0, 1}}, {}}), "not valid UTF-8");
  CHECK_HAS(message({{}, {{"k", "\xc3"}}}), "not valid UTF-8");
  CHECK_HAS(message({{}, {{"k", std::string(100'000'000, 'x')}}}), "the format allows 100000000");
}

TEST_CASE("io/safetensors_header: tiling tensors are put in the order of their bytes") {
  safetensors_header header{{{"c", dtype::u8, {3}, 5, 8},
                             {"empty", dtype::f32, {0}, 5, 5},
                             {"a", dtype::u8, {4}, 0, 4},
                             {"b", dtype::u8, {}, 4, 5}},
                            {}};
  check_tiling(header, 8, "here");
  REQUIRE(header.tensors.size() == 4);
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[1].name == "b");
  CHECK(header.tensors[2].name == "empty");
  CHECK(header.tensors[3].name == "c");
  safetensors_header none;
  CHECK_NOTHROW(check_tiling(none, 0, "here"));
}

TEST_CASE("io/safetensors_header: overlaps, holes, leftovers and equal names are named") {
  CHECK(tiling_error({{{"b", dtype::u8, {3}, 3, 6}, {"a", dtype::u8, {4}, 0, 4}}, {}}, 6) ==
        "here: tensor 'b' begins at byte 3 and overlaps tensor 'a', which ends at 4");
  CHECK(tiling_error({{{"a", dtype::u8, {4}, 0, 4}, {"b", dtype::u8, {4}, 0, 4}}, {}}, 4) ==
        "here: tensor 'b' begins at byte 0 and overlaps tensor 'a', which ends at 4");
  CHECK(tiling_error({{{"a", dtype::u8, {4}, 0, 4}, {"in", dtype::u8, {0}, 2, 2}}, {}}, 4) ==
        "here: tensor 'in' begins at byte 2 and overlaps tensor 'a', which ends at 4");
  CHECK(tiling_error({{{"a", dtype::u8, {4}, 0, 4}, {"b", dtype::u8, {1}, 5, 6}}, {}}, 6) ==
        "here: tensor 'b' begins at byte 5, expected 4: the file has a hole");
  CHECK(tiling_error({{{"a", dtype::u8, {4}, 1, 5}}, {}}, 5) ==
        "here: tensor 'a' begins at byte 1, expected 0: the file has a hole");
  CHECK(tiling_error({{{"a", dtype::u8, {4}, 0, 4}}, {}}, 6) ==
        "here: the tensors end at byte 4, but the file has 6 bytes of data");
  CHECK(tiling_error({}, 1) == "here: the tensors end at byte 0, but the file has 1 bytes of data");
  CHECK(tiling_error({{{"a", dtype::u8, {1}, 0, 1}, {"b", dtype::u8, {1}, 1, 2}, {"a", dtype::u8, {1}, 2, 3}}, {}},
                     3) == "here: tensor 'a' occurs twice");
}
