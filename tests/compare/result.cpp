#include "compare/result.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/core/error.hpp"
#include "made_result.hpp"

using compare::json;

namespace {

json made() { return made_result({.variant = "gmoe"}, {{}, {}, "a text", {{"other", {}, "another text"}}}); }

/// What is said about a result after `path` (a JSON pointer) was given another value.
std::string problem(const char* path, const json& value) {
  json r = made();
  r[json::json_pointer(path)] = value;
  try {
    compare::check_result(json::parse(r.dump()), 10, "file");
  } catch (const gmoe::file_error& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("compare/result: a whole result passes, routed or dense") {
  CHECK_NOTHROW(compare::check_result(made(), 10, "file"));
  json dense = made();
  for (const char* key : {"paths", "histogram", "path_length", "path_entropy", "path_entropy_miller_madow",
                          "normalized_path_entropy", "markov_path_entropy", "effective_paths", "distinct_paths",
                          "top1_path_mass", "top10_path_mass", "top100_path_mass"})
    dense[key] = nullptr;
  dense["layers"] = dense["load_cv"] = dense["texts"]["other"]["layers"] = json::array();
  CHECK_NOTHROW(compare::check_result(dense, 10, "file"));
}

TEST_CASE("compare/result: every field that is read must be there") {
  const json all = made();
  for (const auto& [key, value] : all.items()) {
    if (key == "match" || key == "clusters") continue;  // the first is replaced, the second only shown
    json r = all;
    r.erase(key);
    CAPTURE(key);
    CHECK_THROWS_WITH_AS(compare::check_result(r, 10, "file"),
                         ("file: " + key + " is missing; remove the file to run again").c_str(), gmoe::file_error);
  }
}

TEST_CASE("compare/result: wrong kinds, ranges and lengths name the field") {
  const std::string advice = "; remove the file to run again";
  CHECK(problem("/perplexity", "\x1b[2J") == "file: perplexity is \"\\u001b[2J\", expected a number" + advice);
  CHECK(problem("/perplexity", nullptr) == "file: perplexity is null, expected a number" + advice);
  CHECK(problem("/variant", "dense") == "file: variant is \"dense\", expected \"gmoe\"" + advice);
  CHECK(problem("/settings/card", "none") == "file: settings.card is \"none\", expected an object" + advice);
  CHECK(problem("/margin", json::array()) == "file: margin is a list, expected a number" + advice);
  CHECK(problem("/analysis_tokens", 11) ==
        "file: analysis_tokens is 11, expected a whole number from 0 to 10" + advice);
  CHECK(problem("/layers/1/block", 0) ==
        "file: layers[1].block is 0, expected a whole number from 1 to 16777216" + advice);
  CHECK(problem("/layers/1/experts", 1'000'000'000'000) ==
        "file: layers[1].experts is 1000000000000, expected a whole number from 1 to 16777216" + advice);
  CHECK(problem("/layers/1/fractions", {0.5, 0.5}) == "file: layers[1].fractions has 2 entries, expected 3" + advice);
  CHECK(problem("/layers/1/ids", {0u, 1u}) == "file: layers[1].ids has 2 entries, expected 3" + advice);
  CHECK(problem("/layers/1/ids", {0u, 1u, -1}) ==
        "file: layers[1].ids[2] is -1, expected a whole number from 0 to 2147483647" + advice);
  CHECK(problem("/layers/0/widths", {8u, 0.5}) ==
        "file: layers[0].widths[1] is 0.5, expected a whole number from 0 to 2147483647" + advice);
  CHECK(problem("/layers/0/widths", {8u, 0u}) == "nothing");
  CHECK(problem("/consistency", "high") == "file: consistency is \"high\", expected a number" + advice);
  CHECK(problem("/load_cv", {0.5}) == "file: load_cv has 1 entries, expected 2" + advice);
  CHECK(problem("/curve/training/1", {1}) == "file: curve.training[1] has 1 entries, expected 2" + advice);
  CHECK(problem("/validation_loss:other", nullptr) ==
        "file: validation_loss:other is null, expected a number" + advice);
  CHECK(problem("/texts", json::object()) == "file: texts.other is missing" + advice);
  CHECK(problem("/texts/other/layers/1/fractions", {0.5, 0.5}) ==
        "file: texts.other.layers[1].fractions has 2 entries, expected 3" + advice);
  CHECK(problem("/paths/top/0/steps/1", 3) ==
        "file: paths.top[0].steps[1] is 3, expected a whole number from 0 to 2" + advice);
  CHECK(problem("/paths/links/0/1", {0.1}) == "file: paths.links[0][1] has 1 entries, expected 3" + advice);
  CHECK(problem("/paths", nullptr) == "file: paths is null, expected an object" + advice);
}

TEST_CASE("compare/result: a histogram that would be read out of bounds, or eat all memory") {
  const std::string advice = "; remove the file to run again";
  CHECK(problem("/histogram/experts", json::array()) == "file: histogram.experts has 0 entries, expected 2" + advice);
  CHECK(problem("/histogram/experts/0", 9) == "file: histogram.experts[0] is 9, expected 2" + advice);
  CHECK(problem("/histogram/blocks/1", 1) == "file: histogram.blocks[1] is 1, expected 2" + advice);
  CHECK(problem("/histogram/steps", {0, 2, 1}) == "file: histogram.steps has 3 entries, expected 4" + advice);
  CHECK(problem("/histogram/steps/3", 3) ==
        "file: histogram.steps[3] is 3, expected a whole number from 0 to 2" + advice);
  CHECK(problem("/histogram/steps/2", -1) ==
        "file: histogram.steps[2] is -1, expected a whole number from 0 to 1" + advice);
  CHECK(problem("/histogram/steps/2", 0.5) ==
        "file: histogram.steps[2] is 0.5, expected a whole number from 0 to 1" + advice);
  CHECK(problem("/histogram/count/0", 18446744073709551615u) ==
        "file: histogram.count[0] is 18446744073709551615, expected a whole number from 1 to 10" + advice);
  CHECK(problem("/histogram/count/1", -3) ==
        "file: histogram.count[1] is -3, expected a whole number from 1 to 3" + advice);
  CHECK(problem("/histogram/count/1", 2) ==
        "file: histogram.count adds up to 9, expected the 10 of analysis_tokens" + advice);
}
