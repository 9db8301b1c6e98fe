#include "compare/store.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "gmoe/core/error.hpp"
#include "made_result.hpp"
#include "workplace.hpp"

using compare::json;

TEST_CASE("compare/store: results come back for the same settings only") {
  const workplace place;
  const compare::run_store store(place / "new" / "runs");
  compare::run_plan plan{.variant = "gmoe"};
  const std::vector<std::uint8_t> validation(10);
  const compare::split_text text{{}, validation, "a text"};
  const json result = made_result(plan, text);
  CHECK_FALSE(store.find(plan, text).has_value());
  store.keep(result);
  CHECK(store.find(plan, text).value() == result);
  CHECK(place.files("new/runs") == 1);

  plan.how.seed += 1;
  CHECK_FALSE(store.find(plan, text).has_value());
  plan.how.seed -= 1;
  plan.shape.d_ff += 8;
  CHECK_FALSE(store.find(plan, text).has_value());
  plan.shape.d_ff -= 8;
  plan.card = {{"balance.alpha", "0.02"}};
  CHECK_FALSE(store.find(plan, text).has_value());
  plan.card = {{"balance.alpha", "0.010"}};  // what the card says anyway
  CHECK(store.find(plan, text).has_value());
  plan.card = {};
  plan.analysis_tokens = 5;
  CHECK_FALSE(store.find(plan, text).has_value());
  plan.analysis_tokens = 0;
  CHECK_FALSE(store.find(plan, {{}, validation, "another text"}).has_value());
  CHECK(store.find(plan, text).has_value());
}

TEST_CASE("compare/store: results of earlier versions are counted, and not taken over") {
  const workplace place;
  const compare::run_store store(place.path());
  const compare::run_plan plan{.variant = "gmoe"};
  const compare::split_text text{{}, {}, "a text"};
  CHECK(store.earlier_results() == 0);
  for (const char* format : {"gmoe comparison run 1", "gmoe comparison run 2"}) {
    json old = made_result(plan, text);
    old["settings"]["format"] = format;
    store.keep(old);
  }
  CHECK(store.earlier_results() == 2);
  CHECK_FALSE(store.find(plan, text).has_value());
  store.keep(made_result(plan, text));
  CHECK(store.earlier_results() == 2);
  CHECK(compare::run_store("").earlier_results() == 0);
}

TEST_CASE("compare/store: further texts are part of what a finished run is") {
  const workplace place;
  const compare::run_store store(place.path());
  const compare::run_plan plan{.variant = "gmoe"};
  const std::vector<std::uint8_t> validation(10);
  const compare::split_text text{{}, validation, "a text"};
  compare::split_text more = text;
  more.others = {{"other", {}, "another text"}};
  store.keep(made_result(plan, text));
  CHECK_FALSE(store.find(plan, more).has_value());
  store.keep(made_result(plan, more));
  CHECK(store.find(plan, more).value() == made_result(plan, more));
  more.others[0].fingerprint = "changed";
  CHECK_FALSE(store.find(plan, more).has_value());
  CHECK(store.find(plan, text).has_value());
}

TEST_CASE("compare/store: a speed is measured once") {
  const workplace place;
  const compare::run_store store(place.path());
  std::vector<std::uint8_t> bytes(400);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>('a' + i * i % 7);
  const compare::split_text text{bytes, bytes, "a text"};
  compare::run_plan plan{.variant = "dense",
                         .shape = {.d_model = 8, .layers = 1, .heads = 1, .d_ff = 8},
                         .how = {.steps = 5, .batch = 1, .sequence = 8}};
  const double seconds = store.seconds_per_step(plan, text);
  CHECK(seconds > 0);
  plan.how.steps = 100;
  plan.how.seed = 7;
  CHECK(store.seconds_per_step(plan, text) == seconds);
  CHECK(compare::run_store(place.path()).seconds_per_step(plan, text) == seconds);
  CHECK(place.files("") == 1);
  plan.shape.d_ff = 16;
  store.seconds_per_step(plan, text);
  CHECK(place.files("") == 2);
  for (const auto& entry : std::filesystem::directory_iterator(place.path())) std::ofstream(entry.path()) << "{}";
  CHECK_THROWS_WITH_AS(store.seconds_per_step(plan, text), doctest::Contains("is not what its name promises"),
                       gmoe::file_error);
}

TEST_CASE("compare/store: what a killed run left half-written is removed") {
  const workplace place;
  std::ofstream(place / ".gmoe-1-1.tmp") << "half a result";
  CHECK(place.files("") == 1);
  const compare::run_store store(place.path());
  CHECK(place.files("") == 0);
}

TEST_CASE("compare/store: a file that is no result is refused, not overwritten") {
  const workplace place;
  const compare::run_store store(place.path());
  const compare::run_plan plan{.variant = "gmoe"};
  const compare::split_text text{{}, {}, "a text"};
  const json settings = plan.settings(text);
  store.keep({{"settings", settings}});
  const std::filesystem::path file = std::filesystem::directory_iterator(place.path())->path();
  const auto problem = [&](const std::string& content) -> std::string {
    std::ofstream(file) << content;
    try {
      store.find(plan, text);
    } catch (const gmoe::file_error& e) {
      return e.what();
    }
    return "nothing";
  };
  const std::string where = "result file '" + file.string() + "'";
  CHECK(problem("{\"half") == where + ": not valid JSON at line 1, column 7 (byte 7), where it ends");
  CHECK(problem(std::string(1'000'000, '[')) ==
        where + ": lists and objects are more than 16 deep, expected at most that");
  CHECK(problem("{}") == where + " is not the result that its name promises; remove it to run again");
  CHECK(problem(json{{"settings", settings}}.dump()) == where + ": variant is missing; remove the file to run again");
}

TEST_CASE("compare/store: an empty path keeps nothing; what cannot be written is an error that names it") {
  const compare::run_store nothing("");
  CHECK_FALSE(nothing.keeps());
  const compare::run_plan plan{.variant = "gmoe"};
  CHECK_FALSE(nothing.find(plan, {{}, {}, ""}).has_value());

  const workplace place;
  std::ofstream(place / "file") << "x";
  CHECK_THROWS_AS(compare::run_store(place / "file" / "runs"), gmoe::file_error);
  CHECK_THROWS_AS(compare::check_writable(place / "file" / "report.html"), gmoe::file_error);
  std::filesystem::create_directory(place / "folder");
  CHECK_THROWS_AS(compare::check_writable(place / "folder"), gmoe::file_error);
  compare::check_writable(place / "new" / "report.html");
  CHECK(place.files("new") == 0);
}
