#include "gmoe/io/config_fields.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "io/temp_folder.hpp"

using gmoe::config_fields;
using gmoe::file_error;
using gmoe::index_t;
using gmoe_test::message_of;
using gmoe_test::spill;
using gmoe_test::temp_folder;

namespace {

// The message of reading one field from this JSON text.
template <class Read>
std::string complaint(const std::string& text, Read&& read) {
  const temp_folder folder;
  spill(folder / "c.json", text);
  return message_of<file_error>([&] { read(config_fields(folder / "c.json")); });
}

}  // namespace

TEST_CASE("io/config_fields: reads fields of every kind") {
  const temp_folder folder;
  spill(folder / "c.json",
        R"({"n": 7, "x": 1e-05, "whole": 3, "yes": true, "name": "gmoe", "list": [2, 0], "empty": [], "none": null})");
  const config_fields f(folder / "c.json");
  CHECK(f.integer("n", 1) == 7);
  CHECK(f.integer("n", 7, 7) == 7);
  CHECK(f.integer_if("n", 1) == index_t{7});
  CHECK(f.number("x", 2, 0) == 1e-5);
  CHECK(f.number("whole", 2, 0) == 3.0);
  CHECK(f.boolean("yes", false));
  CHECK(f.text("name") == "gmoe");
  CHECK(f.integers_if("list", 0, 2) == std::vector<index_t>{2, 0});
  CHECK(f.integers_if("empty", 0, 2) == std::vector<index_t>{});

  CHECK(f.has("n"));
  for (const char* absent : {"none", "nowhere"}) {
    CHECK_FALSE(f.has(absent));
    CHECK_FALSE(f.integer_if(absent, 1));
    CHECK_FALSE(f.integers_if(absent, 0, 1));
    CHECK(f.number(absent, 2, 0) == 2);
    CHECK(f.boolean(absent, true));
    CHECK_FALSE(f.boolean(absent, false));
  }
}

TEST_CASE("io/config_fields: a mistake names file, field, value and expectation") {
  const auto n = [](const config_fields& f) { f.integer("n", 1, 9); };
  CHECK_HAS(complaint("{}", n), "c.json': n is missing");
  CHECK_HAS(complaint(R"({"n": null})", n), "n is null");
  CHECK_HAS(complaint(R"({"n": "7"})", n), R"(n is "7", expected a whole number)");
  CHECK_HAS(complaint(R"({"n": 7.0})", n), "n is 7.0, expected a whole number");
  CHECK_HAS(complaint(R"({"n": true})", n), "n is true, expected a whole number");
  CHECK_HAS(complaint(R"({"n": [7]})", n), "n is a list, expected a whole number");
  CHECK_HAS(complaint(R"({"n": 0})", n), "n is 0, expected 1 to 9");
  CHECK_HAS(complaint(R"({"n": -3})", n), "n is -3, expected 1 to 9");
  CHECK_HAS(complaint(R"({"n": 10})", n), "n is 10, expected 1 to 9");
  CHECK_HAS(complaint(R"({"n": 18446744073709551615})", n), "n is 18446744073709551615, expected 1 to 9");
  CHECK_HAS(complaint(R"({"n": 2147483648})", [](const config_fields& f) { f.integer("n", 1); }),
            "n is 2147483648, expected 1 to 2147483647");

  const auto x = [](const config_fields& f) { f.number("x", 0, 0, 1); };
  CHECK_HAS(complaint(R"({"x": "0.1"})", x), "expected a number");
  CHECK_HAS(complaint(R"({"x": 1.5})", x), "x is 1.5, expected 0 to 1");
  CHECK_HAS(complaint(R"({"x": -0.5})", [](const config_fields& f) { f.number("x", 0, 0); }),
            "x is -0.5, expected at least 0");

  CHECK_HAS(complaint(R"({"b": 1})", [](const config_fields& f) { f.boolean("b", true); }),
            "b is 1, expected true or false");
  CHECK_HAS(complaint(R"({"t": 1})", [](const config_fields& f) { f.text("t"); }), "t is 1, expected a text");
  CHECK_HAS(complaint(R"({"l": 1})", [](const config_fields& f) { f.integers_if("l", 0, 1); }),
            "l is 1, expected a list of whole numbers");
  CHECK_HAS(complaint(R"({"l": [0, 2]})", [](const config_fields& f) { f.integers_if("l", 0, 1); }),
            "l is 2, expected 0 to 1");
}

TEST_CASE("io/config_fields: files that hold no object") {
  const auto nothing = [](const config_fields&) {};
  CHECK_HAS(complaint("", nothing), "c.json': not valid JSON at line 1, column 1 (byte 1), where it ends");
  CHECK_HAS(complaint("{\"n\": 1", nothing), "not valid JSON at line 1, column 8");
  CHECK_HAS(complaint("[1]", nothing), "holds a list, expected an object");
  CHECK_HAS(message_of<file_error>([] { config_fields("/nowhere/c.json"); }), "/nowhere/c.json");
}

TEST_CASE("io/config_fields: a key twice, more behind the object, brackets without end") {
  const auto nothing = [](const config_fields&) {};
  CHECK_HAS(complaint(R"({"n": 1, "n": 2})", nothing), "c.json': the key 'n' occurs twice");
  CHECK_HAS(complaint(std::string("{}\0{\"n\": 1}", 11), nothing), "zero byte, number 3");
  CHECK_HAS(complaint(std::string(60'000'000, '['), nothing), "has 60000000 bytes, expected JSON of at most 4194304");
  CHECK_HAS(complaint("{\"a\":" + std::string(4'000'000, '['), nothing), "more than 32 deep");
}
