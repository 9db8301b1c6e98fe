#include "compare/store.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "gmoe/core/error.hpp"
#include "workplace.hpp"

using compare::json;

TEST_CASE("compare/store: results come back for the same settings only") {
  const workplace place;
  const compare::run_store store(place / "new" / "runs");
  compare::run_plan plan{.variant = "gmoe"};
  const compare::split_text text{{}, {}, "a text"};
  json result{{"settings", plan.settings(text)}, {"perplexity", 3.5}};
  CHECK_FALSE(store.find(plan.settings(text)).has_value());
  store.keep(result);
  CHECK(store.find(plan.settings(text)).value() == result);
  CHECK(place.files("new/runs") == 1);

  plan.how.seed += 1;
  CHECK_FALSE(store.find(plan.settings(text)).has_value());
  plan.how.seed -= 1;
  plan.shape.d_ff += 8;
  CHECK_FALSE(store.find(plan.settings(text)).has_value());
  plan.shape.d_ff -= 8;
  plan.analysis_tokens = 5;
  CHECK_FALSE(store.find(plan.settings(text)).has_value());
  plan.analysis_tokens = 0;
  CHECK_FALSE(store.find(plan.settings({{}, {}, "another text"})).has_value());
  CHECK(store.find(plan.settings(text)).has_value());
}

TEST_CASE("compare/store: a file that is no result is refused, not overwritten") {
  const workplace place;
  const compare::run_store store(place.path());
  const compare::run_plan plan{.variant = "gmoe"};
  const compare::split_text text{{}, {}, "a text"};
  store.keep({{"settings", plan.settings(text)}});
  for (const auto& entry : std::filesystem::directory_iterator(place.path())) std::ofstream(entry.path()) << "{\"half";
  CHECK_THROWS_AS(store.find(plan.settings(text)), gmoe::file_error);
}

TEST_CASE("compare/store: an empty path keeps nothing; what cannot be written is an error that names it") {
  const compare::run_store nothing("");
  CHECK_FALSE(nothing.keeps());
  const compare::run_plan plan{.variant = "gmoe"};
  CHECK_FALSE(nothing.find(plan.settings({{}, {}, ""})).has_value());

  const workplace place;
  std::ofstream(place / "file") << "x";
  CHECK_THROWS_AS(compare::run_store(place / "file" / "runs"), gmoe::file_error);
  CHECK_THROWS_AS(compare::check_writable(place / "file" / "report.html"), gmoe::file_error);
  std::filesystem::create_directory(place / "folder");
  CHECK_THROWS_AS(compare::check_writable(place / "folder"), gmoe::file_error);
  compare::check_writable(place / "new" / "report.html");
  CHECK(place.files("new") == 0);
}
