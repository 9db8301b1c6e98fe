#include "gmoe/io/safetensors_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "io/temp_folder.hpp"

using gmoe::dtype;
using gmoe::file_error;
using gmoe::index_t;
using gmoe::parse_safetensors_header;
using gmoe_test::message_of;

namespace {

std::string problem(const std::string& text, index_t data_bytes = 8) {
  const std::string message = message_of<file_error>([&] { parse_safetensors_header(text, data_bytes, "here"); });
  CHECK(message.starts_with("here: "));
  CHECK(message.size() < 1000);
  return message;
}

// The header of one tensor 'w' with these members.
std::string tensor(const std::string& members) { return R"({"w":{)" + members + "}}"; }

}  // namespace

TEST_CASE("io/safetensors_parser: tensors and metadata, members in any order, padding allowed") {
  const auto header = parse_safetensors_header(
      R"({"w":{"data_offsets":[4,8],"dtype":"F16","shape":[1,2]}, "__metadata__":{"format":"pt","":"x"},
          "\u00e9":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
      8, "here");
  REQUIRE(header.tensors.size() == 2);
  CHECK(header.tensors[0].name == "\xc3\xa9");
  CHECK(header.tensors[0].type == dtype::f32);
  CHECK(header.tensors[0].shape.empty());
  CHECK(header.tensors[1].name == "w");
  CHECK(header.tensors[1].type == dtype::f16);
  CHECK(header.tensors[1].shape == std::vector<index_t>{1, 2});
  CHECK(header.tensors[1].begin == 4);
  CHECK(header.tensors[1].end == 8);
  CHECK(header.metadata == std::map<std::string, std::string>{{"", "x"}, {"format", "pt"}});
}

TEST_CASE("io/safetensors_parser: empty headers") {
  CHECK(parse_safetensors_header("{}", 0, "here").tensors.empty());
  CHECK(parse_safetensors_header(R"({"__metadata__":{}})", 0, "here").metadata.empty());
}

TEST_CASE("io/safetensors_parser: what is not JSON") {
  CHECK_HAS(problem(""), "not JSON");
  CHECK_HAS(problem("   "), "not JSON");
  CHECK_HAS(problem("[]"), "expected it to begin with '{'");
  CHECK_HAS(problem(" {}"), "expected it to begin with '{'");
  CHECK_HAS(problem("{"), "not valid JSON at line 1, column 2 (byte 2), where it ends");
  CHECK_HAS(problem("{} x"), "not valid JSON");
  CHECK_HAS(problem("{}{}"), "not valid JSON");
  CHECK_HAS(problem(std::string("{}\0", 3)), "zero byte");
  CHECK_HAS(problem(std::string("{}\0{\"w\":1}", 10)), "zero byte");
  CHECK_HAS(problem("{\"w\xff\":{}}"), "not valid JSON at line 1, column 4 (byte 4), before '\\xff\":{}}'");
  CHECK_FALSE(gmoe_test::contains(problem("{\"w\":\n{]"), "exception"));
  CHECK_HAS(problem("{'w':{}}"), "not valid JSON");
  CHECK_HAS(problem("{/**/}"), "not valid JSON");
  CHECK_HAS(problem("{\"" + std::string(1 << 20, 'x')), "not valid JSON");
}

TEST_CASE("io/safetensors_parser: values of the wrong kind") {
  CHECK_HAS(problem(R"({"w":1})"), "tensor 'w': found 1, expected an object");
  CHECK_HAS(problem(R"({"w":null})"), "found null, expected an object");
  CHECK_HAS(problem(R"({"w":[]})"), "found an array, expected an object");
  CHECK_HAS(problem(R"({"w":"F32"})"), "found 'F32', expected an object");
  CHECK_HAS(problem(R"({"__metadata__":3})"), "here: '__metadata__': found 3, expected an object");
  CHECK_HAS(problem(R"({"__metadata__":{"k":3}})"), "'__metadata__': found 3, expected a string for key 'k'");
  CHECK_HAS(problem(R"({"__metadata__":{"k":{}}})"), "found an object, expected a string for key 'k'");
  CHECK_HAS(problem(tensor(R"("dtype":1)")), "tensor 'w': found 1, expected a string for 'dtype'");
  CHECK_HAS(problem(tensor(R"("dtype":["F32"])")), "found an array, expected a string for 'dtype'");
  CHECK_HAS(problem(tensor(R"("shape":2)")), "found 2, expected an array for 'shape'");
  CHECK_HAS(problem(tensor(R"("shape":"2")")), "found '2', expected an array for 'shape'");
  CHECK_HAS(problem(tensor(R"("shape":{})")), "found an object, expected an array for 'shape'");
  CHECK_HAS(problem(tensor(R"("data_offsets":true)")), "found true, expected an array for 'data_offsets'");
  CHECK_HAS(problem(tensor(R"("shape":[[2]])")), "found an array, expected a whole number from 0 up in 'shape'");
  CHECK_HAS(problem(tensor(R"("shape":["2"])")), "found '2', expected a whole number from 0 up in 'shape'");
  CHECK_HAS(problem(tensor(R"("data_offsets":[false,8])")), "found false, expected a whole number");
}

TEST_CASE("io/safetensors_parser: numbers that are no sizes") {
  CHECK_HAS(problem(tensor(R"("shape":[-1])")), "found -1, expected a whole number from 0 up in 'shape'");
  CHECK_HAS(problem(tensor(R"("shape":[-0])")), "found -0, expected");
  CHECK_HAS(problem(tensor(R"("shape":[2.0])")), "found '2.0', expected");
  CHECK_HAS(problem(tensor(R"("shape":[1e3])")), "found '1e3', expected");
  CHECK_HAS(problem(tensor(R"("shape":[99999999999999999999])")), "found '99999999999999999999', expected");
  CHECK_HAS(problem(tensor(R"("shape":[18446744073709551615])")), "dimension 18446744073709551615 is out of range");
  CHECK_HAS(problem(tensor(R"("data_offsets":[0,9223372036854775808])")), "offset 9223372036854775808 is out of range");
  CHECK_HAS(problem(tensor(R"("data_offsets":[-8,8])")),
            "found -8, expected a whole number from 0 up in 'data_offsets'");
  CHECK_HAS(problem(tensor("\"shape\":[" + std::string(100'000, '9') + "]")), "in 'w'");
}

TEST_CASE("io/safetensors_parser: missing, unknown and repeated keys") {
  CHECK_HAS(problem(tensor("")), "tensor 'w': has no 'dtype'");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","data_offsets":[0,8])")), "has no 'shape'");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2])")), "has no 'data_offsets'");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"offsets":[0,8])")), "unknown key 'offsets'");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8])")),
            "key 'dtype' occurs twice");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])")),
            "key 'shape' occurs twice");
  CHECK_HAS(problem(R"({"__metadata__":{"k":"a","k":"b"}})"), "'__metadata__': key 'k' occurs twice");
  CHECK_HAS(problem(R"({"__metadata__":{},"__metadata__":{}})"), "occurs twice");
  CHECK_HAS(problem(R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                    R"("w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})"),
            "tensor 'w' occurs twice");
}

TEST_CASE("io/safetensors_parser: types and places that do not fit") {
  CHECK_HAS(problem(tensor(R"("dtype":"F8_E4M3")")), "tensor 'w': unknown dtype 'F8_E4M3', expected F64, I64,");
  CHECK_HAS(problem(tensor(R"("dtype":"f32")")), "unknown dtype 'f32'");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[])")), "'data_offsets' has 0 numbers");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8])")), "has 1 numbers, expected 2");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])")), "has more than 2 numbers");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")), "begins at byte 8, behind its end 0");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])")),
            "ends at byte 12, but the file has 8 bytes of data");
  CHECK_HAS(problem(tensor(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])")),
            "has 8 bytes, but shape [2] of F64 needs 16");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[0],"data_offsets":[0,8])")), "needs 0");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])")),
            "shape [4294967296, 4294967296] of F32 is too large");
  CHECK_HAS(problem(tensor(R"("dtype":"U8","shape":[9223372036854775807,0,3],"data_offsets":[0,0])")), "is too large");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")),
            "the tensors end at byte 4, but the file has 8 bytes of data");
  CHECK_HAS(problem(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])")), "hole");
}

TEST_CASE("io/safetensors_parser: depth, long names and control characters do no harm") {
  const std::string deep(1'000'000, '[');
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  CHECK_HAS(problem("{\"w\":" + deep), "found an array, expected an object");
  CHECK_HAS(problem(tensor("\"shape\":" + deep)), "found an array, expected a whole number");
  CHECK_HAS(problem(objects), "unknown key 'a'");
  CHECK_HAS(problem("{\"__metadata__\":{\"a\":" + objects), "found an object, expected a string");
  CHECK_HAS(problem("{\"" + std::string(100'000, 'n') + "\":7}"), "nnn...': found 7");
  CHECK_HAS(problem(R"({"\u001b[2J":7})"), "tensor '\\x1b[2J'");
}
