#include "compare/unfinished.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "gmoe/core/error.hpp"
#include "workplace.hpp"

using compare::json;

namespace {

const json run_settings{{"variant", "gmoe"}, {"recipe", {{"seed", 7}}}};

/// Writes, or reads, the text that stands for a checkpoint.
auto saving(const std::string& text) {
  return [text](const std::filesystem::path& file) { std::ofstream(file) << text; };
}
auto loading(std::string& text) {
  return [&text](const std::filesystem::path& file) { std::ifstream(file) >> text; };
}

}  // namespace

TEST_CASE("compare/unfinished: the last state comes back with its checkpoint, until the run is finished") {
  const workplace place;
  const compare::unfinished_run run(place / "unfinished", run_settings);
  std::string loaded;
  CHECK_FALSE(run.find(loading(loaded)).has_value());
  run.keep(3, {{"losses", {3.0, 2.5}}}, saving("three"));
  run.keep(5, {{"losses", {3.0, 2.25}}}, saving("five"));
  CHECK(place.files("unfinished") == 2);
  const auto notes = run.find(loading(loaded));
  REQUIRE(notes.has_value());
  CHECK(loaded == "five");
  CHECK((*notes)["step"] == 5);
  CHECK((*notes)["losses"] == json{3.0, 2.25});

  json other = run_settings;
  other["recipe"]["seed"] = 8;
  const compare::unfinished_run neighbour(place / "unfinished", other);
  CHECK_FALSE(neighbour.find(loading(loaded)).has_value());
  neighbour.keep(1, json::object(), saving("one"));
  run.forget();
  CHECK_FALSE(run.find(loading(loaded)).has_value());
  CHECK(place.files("unfinished") == 2);
  neighbour.forget();
  CHECK_FALSE(std::filesystem::exists(place / "unfinished"));
}

TEST_CASE("compare/unfinished: killed between its two files, the state before still holds") {
  const workplace place;
  const compare::unfinished_run run(place / "unfinished", run_settings);
  run.keep(3, json::object(), saving("three"));
  struct killed {};
  CHECK_THROWS_AS(run.keep(5, json::object(),
                           [](const std::filesystem::path& file) {
                             std::ofstream(file) << "five";
                             throw killed{};
                           }),
                  killed);
  std::string loaded;
  CHECK(run.find(loading(loaded)).value()["step"] == 3);
  CHECK(loaded == "three");
  run.keep(5, json::object(), saving("five"));
  CHECK(place.files("unfinished") == 2);
}

TEST_CASE("compare/unfinished: an empty folder keeps nothing; a file that is none of ours is refused") {
  const compare::unfinished_run nothing("", run_settings);
  nothing.keep(1, json::object(), [](const std::filesystem::path&) { FAIL("saved"); });
  std::string loaded;
  CHECK_FALSE(nothing.find(loading(loaded)).has_value());
  nothing.forget();

  const workplace place;
  const compare::unfinished_run run(place / "unfinished", run_settings);
  run.keep(3, json::object(), saving("three"));
  for (const auto& entry : std::filesystem::directory_iterator(place / "unfinished"))
    if (entry.path().extension() == ".json") std::ofstream(entry.path()) << "{}";
  CHECK_THROWS_WITH_AS(run.find(loading(loaded)), doctest::Contains("is not what its name promises"), gmoe::file_error);
}
