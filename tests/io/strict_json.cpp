#include "gmoe/io/strict_json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "io/temp_folder.hpp"

using gmoe::file_error;
using gmoe::parse_json;
using gmoe_test::message_of;

namespace {

std::string json_problem(const std::string& text, gmoe::json_limits limits = {}) {
  return message_of<file_error>([&] { parse_json(text, "here", limits); });
}

}  // namespace

TEST_CASE("io/strict_json: what is JSON is read") {
  const auto j = parse_json(" {\"a\": [1, -2.5, true, null, \"x\\u0000y\"], \"b\": {\"a\": {}}}\n", "here");
  CHECK(j["a"].size() == 5);
  CHECK(j["a"][1] == -2.5);
  CHECK(j["a"][4] == std::string("x\0y", 3));
  CHECK(j["b"]["a"].is_object());
  CHECK(parse_json("7", "here") == 7);
}

TEST_CASE("io/strict_json: what is not says where, and in our own words") {
  CHECK(json_problem("") == "here: not valid JSON at line 1, column 1 (byte 1), where it ends");
  CHECK(json_problem("{\"a\": 1") == "here: not valid JSON at line 1, column 8 (byte 8), where it ends");
  CHECK(json_problem("{\"a\": 1,\n \"b\": }") == "here: not valid JSON at line 2, column 7 (byte 16), before '}'");
  CHECK(json_problem("[1] 2") == "here: not valid JSON at line 1, column 5 (byte 5), before '2'");
  CHECK(json_problem("[\x1b[2J]") == "here: not valid JSON at line 1, column 2 (byte 2), before '\\x1b[2J]'");
  for (const char* bad : {"{'a': 1}", "[1,]", "[01]", "[NaN]", "[/**/]", "{\"a\" 1}", "tru", "[\"\xff\"]", "[\"\t\"]"})
    CHECK_HAS(json_problem(bad), "here: not valid JSON at line 1");
  CHECK_HAS(json_problem("[1e999]"), "here: has a number beyond the range of double");
  CHECK_HAS(json_problem(std::string("[1]\0", 4)), "here: the text is not valid JSON: it has a zero byte, number 4");
}

TEST_CASE("io/strict_json: a key twice in one object") {
  CHECK(json_problem(R"({"a": 1, "b": {"a": 2, "c": [{"a": 1}, {"a": 1}]}})") == "<nothing was thrown>");
  CHECK(json_problem(R"({"a": 1, "a": 1})") == "here: the key 'a' occurs twice");
  CHECK(json_problem(R"({"b": [{"x": {}, "y": {}, "x": 0}]})") == "here: the key 'x' occurs twice");
  CHECK(json_problem(R"({"a": {"b": 1}, "a": 1})") == "here: the key 'a' occurs twice");
  CHECK(json_problem("{\"\\u001b[2J\": 1, \"\\u001b[2J\": 1}") == "here: the key '\\x1b[2J' occurs twice");
}

TEST_CASE("io/strict_json: size and depth have limits") {
  CHECK(json_problem("[10]", {.bytes = 4}) == "<nothing was thrown>");
  CHECK(json_problem("[100]", {.bytes = 4}) == "here: has 5 bytes, expected JSON of at most 4");
  CHECK(json_problem("[[{\"a\": 1}]]", {.depth = 3}) == "<nothing was thrown>");
  CHECK(json_problem("[[{\"a\": []}]]", {.depth = 3}) ==
        "here: lists and objects are more than 3 deep, expected at most that");
  CHECK_HAS(json_problem(std::string(4'000'000, '[')), "more than 32 deep");
  std::string nested;
  for (int i = 0; i < 500'000; ++i) nested += "{\"a\":";
  CHECK_HAS(json_problem(nested), "more than 32 deep");
}

TEST_CASE("io/strict_json: values in messages") {
  CHECK(gmoe::shown(parse_json("[1]", "here")) == "a list");
  CHECK(gmoe::shown(parse_json("{}", "here")) == "an object");
  CHECK(gmoe::shown(parse_json("7.0", "here")) == "7.0");
  CHECK(gmoe::shown(std::string("\x1b[2J\xff")) == "\"\\u001b[2J\\ufffd\"");
  CHECK(gmoe::shown(std::string(1000, 'x')).size() == 83);
}
