#include "gmoe/io/safetensors_writer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/temp_folder.hpp"

using gmoe::chunk_sink;
using gmoe::config_error;
using gmoe::file_error;
using gmoe::safetensors_writer;
using gmoe_test::message_of;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;

namespace {

const std::vector<float> weights{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
const std::vector<double> wide{0.5, 0.25};
const std::vector<std::uint8_t> small{1, 2, 3};
const std::vector<std::int32_t> ints{-1};
const std::vector<std::int64_t> longs{1, -2};

// The header as a general JSON parser sees it, and the data section.
struct content {
  nlohmann::json header;
  std::string data;
  explicit content(const std::string& bytes) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    header = nlohmann::json::parse(bytes.substr(8, length));
    data = bytes.substr(8 + length);
    CHECK(length % 8 == 0);
  }
};

template <class T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <class R>
concept can_be_added = requires(safetensors_writer writer, R&& range) {
  writer.add("w", {1}, static_cast<R&&>(range));
};
static_assert(can_be_added<std::vector<float>&>);
static_assert(can_be_added<const std::vector<float>&>);
static_assert(can_be_added<std::span<const std::int64_t>>);
static_assert(!can_be_added<std::vector<float>>, "data that dies before the write must not be added");
static_assert(!can_be_added<std::vector<char>&>);

}  // namespace

TEST_CASE("io/safetensors_writer: wide types come first, equal ones in the order they were added") {
  const temp_folder folder;
  safetensors_writer writer;
  writer.add("small", {3}, small);
  writer.add("weights", {2, 3}, weights);
  writer.add("wide", {2}, wide);
  writer.add("ints", {}, ints);
  writer.add("longs", {1, 2}, longs);
  writer.add("none", {0, 5}, std::span<const float>());
  writer.set_metadata("format", "first");
  writer.set_metadata("format", "gmoe");
  writer.write(folder / "m");

  const content file(slurp(folder / "m"));
  CHECK(file.data == raw_bytes(wide) + raw_bytes(longs) + raw_bytes(weights) + raw_bytes(ints) + raw_bytes(small));
  const nlohmann::json expected = {
      {"__metadata__", {{"format", "gmoe"}}},
      {"wide", {{"dtype", "F64"}, {"shape", {2}}, {"data_offsets", {0, 16}}}},
      {"longs", {{"dtype", "I64"}, {"shape", {1, 2}}, {"data_offsets", {16, 32}}}},
      {"weights", {{"dtype", "F32"}, {"shape", {2, 3}}, {"data_offsets", {32, 56}}}},
      {"ints", {{"dtype", "I32"}, {"shape", nlohmann::json::array()}, {"data_offsets", {56, 60}}}},
      {"none", {{"dtype", "F32"}, {"shape", {0, 5}}, {"data_offsets", {60, 60}}}},
      {"small", {{"dtype", "U8"}, {"shape", {3}}, {"data_offsets", {60, 63}}}}};
  CHECK(file.header == expected);
}

TEST_CASE("io/safetensors_writer: an empty file") {
  const temp_folder folder;
  safetensors_writer().write(folder / "m");
  CHECK(slurp(folder / "m") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST_CASE("io/safetensors_writer: nothing is copied before the write, and a writer can be used again") {
  const temp_folder folder;
  std::vector<float> data{1.0f};
  safetensors_writer writer;
  writer.add("w", {1}, data);
  data[0] = 2.0f;
  writer.write(folder / "m");
  CHECK(content(slurp(folder / "m")).data == raw_bytes<float>({2.0f}));
  data[0] = 3.0f;
  writer.write(folder / "m");
  CHECK(content(slurp(folder / "m")).data == raw_bytes<float>({3.0f}));
}

TEST_CASE("io/safetensors_writer: a streamed tensor arrives in pieces") {
  const temp_folder folder;
  safetensors_writer writer;
  writer.add("last", {3}, small);
  writer.add_streamed<float>("w", {2, 3}, [](const chunk_sink<float>& sink) {
    sink(std::span(weights).first(1));
    sink({});
    sink(std::span(weights).subspan(1));
  });
  writer.write(folder / "m");
  CHECK(content(slurp(folder / "m")).data == raw_bytes(weights) + raw_bytes(small));
}

TEST_CASE("io/safetensors_writer: a streamed tensor of the wrong size leaves the old file") {
  const temp_folder folder;
  spill(folder / "m", "old");
  const auto error = [&](std::size_t elements) {
    safetensors_writer writer;
    writer.add_streamed<float>("w", {2, 2}, [elements](const chunk_sink<float>& sink) {
      for (std::size_t i = 0; i < elements; ++i) sink(std::span(weights).first(1));
    });
    return message_of<config_error>([&] { writer.write(folder / "m"); });
  };
  CHECK_HAS(error(3), "tensor 'w' was given only 12 bytes, its shape [2, 2] of F32 needs 16");
  CHECK_HAS(error(5), "tensor 'w' was given more than 16 bytes");
  CHECK(slurp(folder / "m") == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/safetensors_writer: names and shapes that do not fit are refused and add nothing") {
  const temp_folder folder;
  safetensors_writer writer;
  writer.add("w", {6}, weights);
  CHECK_HAS(message_of<config_error>([&] { writer.add("w", {2}, wide); }), "tensor 'w' was added twice");
  CHECK_HAS(message_of<config_error>([&] { writer.add_streamed<float>("w", {2}, {}); }), "added twice");
  CHECK_HAS(message_of<config_error>([&] { writer.add("__metadata__", {6}, weights); }), "reserved");
  CHECK_HAS(message_of<config_error>([&] {
              writer.add("v", {2, 2}, weights);
            }),
            "tensor 'v' has 6 elements, its shape [2, 2] needs 4");
  CHECK_HAS(message_of<config_error>([&] { writer.add("v", {}, weights); }), "its shape [] needs 1");
  CHECK_HAS(message_of<config_error>([&] { writer.add("v", {-1}, weights); }), "impossible shape [-1]");
  CHECK_HAS(message_of<config_error>([&] { writer.add("v", {1ll << 40, 1ll << 40}, weights); }), "impossible shape");
  writer.write(folder / "m");
  CHECK(content(slurp(folder / "m")).header.size() == 1);
}

TEST_CASE("io/safetensors_writer: a failure leaves the old file and nothing beside it") {
  const temp_folder folder;
  spill(folder / "m", "old");
  {
    safetensors_writer writer;
    writer.add("w\xff", {6}, weights);
    CHECK_HAS(message_of<config_error>([&] { writer.write(folder / "m"); }), "not valid UTF-8");
  }
  {
    safetensors_writer writer;
    writer.add("w", {6}, weights);
    writer.add_streamed<float>("v", {6}, [](const chunk_sink<float>& sink) {
      sink(weights);
      throw std::runtime_error("the device is gone");
    });
    CHECK_THROWS_WITH_AS(writer.write(folder / "m"), "the device is gone", std::runtime_error);
  }
  {
    safetensors_writer writer;
    for (const char* name : {"a", "b"}) writer.add_streamed<double>(name, {1l << 59}, [](const chunk_sink<double>&) {});
    CHECK_THROWS_AS(writer.write(folder / "m"), config_error);
  }
  CHECK(slurp(folder / "m") == "old");
  CHECK(folder.count() == 1);
  safetensors_writer writer;
  writer.add("w", {6}, weights);
  CHECK_HAS(message_of<file_error>([&] { writer.write(folder / "absent" / "m"); }), "absent/m'");
}
