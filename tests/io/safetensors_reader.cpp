#include "gmoe/io/safetensors_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gmoe/core/random.hpp"
#include "io/temp_folder.hpp"

using gmoe::dtype;
using gmoe::file_error;
using gmoe::index_t;
using gmoe::safetensors_file;
using gmoe_test::message_of;
using gmoe_test::spill;
using gmoe_test::temp_folder;

namespace {

std::string u64(std::uint64_t value) { return {reinterpret_cast<const char*>(&value), 8}; }

std::string file_bytes(const std::string& json, const std::string& data) { return u64(json.size()) + json + data; }

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string one_tensor(const std::string& type, std::size_t elements, const std::string& data) {
  return file_bytes("{\"w\":{\"dtype\":\"" + type + "\",\"shape\":[" + std::to_string(elements) +
                        "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}",
                    data);
}

struct fixture {
  temp_folder folder;
  std::filesystem::path path = folder / "model.safetensors";

  safetensors_file open(const std::string& bytes) const {
    spill(path, bytes);
    return safetensors_file(path);
  }
  std::string open_error(const std::string& bytes) const {
    const std::string message = message_of<file_error>([&] { open(bytes); });
    CHECK_HAS(message, path.string());
    return message;
  }
};

// A small file with a bit of everything; the byte before "odd" leaves the floats misaligned.
std::string sample() {
  return file_bytes(R"({"__metadata__":{"format":"pt"},"byte":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                    R"("odd":{"dtype":"F32","shape":[1,3],"data_offsets":[1,13]},)"
                    R"("wide":{"dtype":"F64","shape":[2],"data_offsets":[13,29]},)"
                    R"("ids":{"dtype":"I64","shape":[1],"data_offsets":[29,37]},)"
                    R"("none":{"dtype":"BF16","shape":[4,0],"data_offsets":[37,37]}})",
                    "\x07" + raw<float>({1.5f, -2.25f, 1e-40f}) + raw<double>({0.1, -1e300}) +
                        raw<std::int64_t>({-(std::int64_t{1} << 40)}));
}

}  // namespace

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: what a file holds") {
  const safetensors_file file = open(sample());
  CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}});
  REQUIRE(file.tensors().size() == 5);
  CHECK(file.tensors()[0].name == "byte");
  CHECK(file.tensors()[4].name == "none");
  CHECK(file.contains("odd"));
  CHECK_FALSE(file.contains("od"));
  CHECK_FALSE(file.contains("__metadata__"));
  CHECK(file.entry("odd").type == dtype::f32);
  CHECK(file.entry("odd").shape == std::vector<index_t>{1, 3});
  CHECK(file.bytes("odd").size() == 12);
  CHECK(file.bytes("none").empty());
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: misaligned tensors are read exactly") {
  const safetensors_file file = open(sample());
  CHECK(file.read<float>("odd") == std::vector<float>{1.5f, -2.25f, 1e-40f});
  CHECK(file.read<double>("odd") == std::vector<double>{1.5, -2.25, static_cast<double>(1e-40f)});
  CHECK(file.read<double>("wide") == std::vector<double>{0.1, -1e300});
  CHECK(file.read<std::int64_t>("ids") == std::vector<std::int64_t>{-1099511627776});
  CHECK(file.read<std::int32_t>("byte") == std::vector<std::int32_t>{7});
  CHECK(file.read<float>("none").empty());
  std::vector<double> room(3, 9.0);
  file.read_into("wide", std::span<double>(room).first(2));
  CHECK(room == std::vector<double>{0.1, -1e300, 9.0});
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: 16-bit floats, subnormal, infinite and not a number") {
  const std::vector<std::uint16_t> bits{0x3C00, 0x0001, 0x7C00, 0xFC00, 0x7E00, 0x8000};
  const auto half = open(one_tensor("F16", 6, raw(bits))).read<float>("w");
  CHECK(half[0] == 1.0f);
  CHECK(half[1] == 0x1p-24f);
  CHECK(half[2] == std::numeric_limits<float>::infinity());
  CHECK(half[3] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(half[4]));
  CHECK(std::signbit(half[5]));
  const auto brain = open(one_tensor("BF16", 6, raw(bits))).read<double>("w");
  CHECK(brain[0] == 0x1p-7);
  CHECK(brain[1] == 0x1p-133);
  CHECK(brain[2] == 0x1p121);
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: a request that does not fit names file, tensor and both sides") {
  const safetensors_file file = open(sample());
  const auto error = [&](auto action) {
    const std::string message = message_of<file_error>(action);
    CHECK_HAS(message, path.string());
    return message;
  };
  CHECK_HAS(error([&] { file.entry("nope"); }), "has no tensor 'nope'");
  CHECK_HAS(error([&] { file.bytes("nope"); }), "has no tensor 'nope'");
  CHECK_HAS(error([&] { file.read<float>("nope"); }), "has no tensor 'nope'");
  CHECK_HAS(error([&] { file.read<float>("ids"); }), "tensor 'ids': holds I64, expected floating-point numbers");
  CHECK_HAS(error([&] { file.read<std::int64_t>("odd"); }), "tensor 'odd': holds F32, expected integers");
  CHECK_HAS(error([&] { file.read<std::uint8_t>("none"); }), "tensor 'none': holds BF16, expected integers");
  CHECK_HAS(error([&] { file.read<float>("wide"); }), "element 1, -1e+300, does not fit into F32");
  CHECK_HAS(error([&] { file.read<std::int32_t>("ids"); }), "element 0, -1099511627776, does not fit into I32");
  std::vector<float> room(2);
  CHECK_HAS(error([&] { file.read_into("odd", std::span<float>(room)); }),
            "tensor 'odd': has 3 elements in shape [1, 3], expected 2");
  const auto large = open(one_tensor("U64", 1, raw<std::uint64_t>({~std::uint64_t{0}})));
  CHECK_HAS(error([&] { large.read<std::int64_t>("w"); }), "element 0, 18446744073709551615, does not fit into I64");
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: a moved file still reads") {
  safetensors_file first = open(sample());
  const safetensors_file second(std::move(first));
  CHECK(second.read<float>("odd")[1] == -2.25f);
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: files that are none") {
  CHECK_HAS(message_of<file_error>([&] { safetensors_file(folder / "absent"); }), "cannot be opened: No such file");
  CHECK_HAS(message_of<file_error>([&] { safetensors_file(folder.path); }), "is not a regular file");
  CHECK_HAS(open_error(""), "has 0 bytes, expected at least the 8");
  CHECK_HAS(open_error("1234567"), "has 7 bytes");
  CHECK_HAS(open_error(u64(0)), "not JSON");
  CHECK_HAS(open_error(u64(3) + "{}"), "the header claims 3 bytes, but only 2 follow");
  CHECK_HAS(open_error(u64(100'000'000) + "{}"), "the header claims 100000000 bytes, but only 2 follow");
  CHECK_HAS(open_error(u64(100'000'001) + "{}"), "the header claims 100000001 bytes, the format allows 100000000");
  CHECK_HAS(open_error(u64(~std::uint64_t{0}) + "{}"), "claims 18446744073709551615 bytes, the format allows");
  CHECK_HAS(open_error(u64(2) + "{}x"), "the tensors end at byte 0, but the file has 1 bytes of data");
  CHECK_HAS(open_error(one_tensor("F32", 3, "12345678")), "tensor 'w': has 8 bytes, but shape [3] of F32 needs 12");
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: a file cut anywhere is refused") {
  const std::string bytes = sample();
  CHECK_NOTHROW(open(bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS(open(bytes.substr(0, length)), file_error);
  }
}

TEST_CASE_FIXTURE(fixture, "io/safetensors_reader: a file with flipped bits is refused or read within its bounds") {
  const std::string bytes = sample();
  const std::size_t header_end = bytes.size() - 37;
  const gmoe::random_stream random(20240607);
  int refused = 0, read = 0;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    std::string broken = bytes;
    const gmoe::random_stream draw = random.fork(round);
    const std::uint64_t flips = 1 + draw.below(0, 4);
    for (std::uint64_t i = 0; i < flips; ++i)
      broken[draw.below(2 * i + 1, header_end)] ^= static_cast<char>(1u << draw.below(2 * i + 2, 8));
    CAPTURE(round);
    try {
      const safetensors_file file = open(broken);
      index_t total = 0;
      for (const auto& tensor : file.tensors()) {
        total += tensor.size_bytes();
        try {
          if (facts(tensor.type).floating)
            file.read<float>(tensor.name);
          else
            file.read<std::int64_t>(tensor.name);
        } catch (const file_error&) {  // a value that does not fit
        }
      }
      CHECK(total == 37);
      ++read;
    } catch (const file_error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(read > 10);  // flips within names
}
