#include "compare/tasks.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <optional>

#include "compare/comparison.hpp"
#include "compare/differences.hpp"
#include "compare/result.hpp"
#include "compare/table.hpp"
#include "compare/unfinished.hpp"
#include "made_result.hpp"
#include "workplace.hpp"

using compare::json;
using doctest::Approx;

namespace {

/// A run that was asked two tasks, with these outcomes.
json asked_run(const std::string& variant, std::uint64_t seed, const std::string& first, const std::string& second) {
  json r{{"variant", variant}, {"seed", seed}, {"tasks", json::array()}};
  double right = 0;
  for (const auto& [task, outcomes] : {std::pair{"first", first}, std::pair{"second", second}}) {
    const auto count = static_cast<double>(std::count(outcomes.begin(), outcomes.end(), '1'));
    const double share = count / static_cast<double>(outcomes.size());
    r["tasks"].push_back({{"task", task}, {"questions", outcomes.size()}, {"outcomes", outcomes}, {"chance", 0.5}});
    r[std::string("accuracy:") + task] = share;
    right += count;
  }
  r["accuracy"] = right / static_cast<double>(first.size() + second.size());
  return r;
}

/// As compare shows it: the runs, their differences and summary.
json assembled(std::vector<json> runs) {
  json c{{"common_blocks", json::array()}, {"equal", "tokens"}, {"floors", json::object()}};
  c["tasks"] = {{"by", "byte"}, {"shots", 2}, {"context", 64}};
  c["differences"] = compare::paired_differences(runs);
  c["summary"] = compare::summarize_runs(runs);
  c["speedup"] = {{"baseline", "a"}, {"curve", nullptr}};
  compare::add_verdicts(c["summary"], c["differences"]);
  c["runs"] = std::move(runs);
  return c;
}

std::string ones(std::size_t right, std::size_t questions) {
  return std::string(right, '1') + std::string(questions - right, '0');
}

bool said(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

/// A text, and questions about it.
struct small_world : workplace {
  std::string text;
  std::vector<std::uint8_t> bytes;

  small_world() {
    for (int i = 0; i < 40; ++i) text += "Verse " + std::to_string(i) + " of a text. ";
    bytes.assign(text.begin(), text.end());
    write("q.jsonl", 5);
  }
  void write(const char* name, int questions, const char* wrong = "txet") const {
    std::ofstream file(*this / name);
    for (int i = 0; i < questions; ++i)
      file << R"({"context": "Verse )" << i << R"( of a", "choices": [" text", " )" << wrong << R"("], "label": 0})"
           << "\n";
  }
  compare::asked_tasks tasks(examples::task_options how = {}) const {
    how.files = {*this / "q.jsonl"};
    return compare::read_asked(how, {.positions = 64}, {.sequence = 32});
  }
  compare::split_text parts(const compare::asked_tasks* tasks) const {
    const std::span<const std::uint8_t> all(bytes);
    return {all.first(600), all.subspan(600), "a text", {}, tasks};
  }
};

const compare::run_plan tiny{.variant = "switch",
                             .shape = {.positions = 64, .d_model = 8, .layers = 2, .heads = 2, .d_ff = 8, .experts = 2},
                             .how = {.steps = 3, .batch = 2, .sequence = 32},
                             .validation_tokens = 64,
                             .analysis_tokens = 64};

}  // namespace

TEST_CASE("compare/tasks: better only beyond the noise of the seeds and of the questions") {
  // Three seeds that agree to the last answer, on a handful of questions: within noise.
  std::vector<json> few, many, unlike;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    few.push_back(asked_run("a", seed, "10", "01"));
    few.push_back(asked_run("b", seed, "11", "01"));
    many.push_back(asked_run("a", seed, ones(50, 100), ones(40, 80)));
    many.push_back(asked_run("b", seed, ones(90, 100), ones(40, 80)));
    unlike.push_back(asked_run("a", seed, ones(50, 100), ones(40, 80)));
    unlike.push_back(asked_run("b", seed, ones(seed == 1 ? 50 : 90, 100), ones(40, 80)));
  }
  const auto difference = [](const std::vector<json>& runs, const char* key) {
    return compare::difference_of(compare::paired_differences(runs), "a", "b", key);
  };
  const json small = difference(few, "accuracy");
  CHECK(small["mean"] == Approx(0.25));
  CHECK(small["low"] == Approx(0.25));  // the seeds alone would be sure
  CHECK(small["question_low"] < 0);
  CHECK(small["verdict"] == "noise");

  const json large = difference(many, "accuracy");
  CHECK(large["mean"] == Approx(40.0 / 180));
  CHECK(large["question_low"] > 0);
  CHECK(large["verdict"] == "better");
  CHECK(difference(many, "accuracy:first")["verdict"] == "better");
  CHECK(difference(many, "accuracy:second")["verdict"] == "noise");
  const json turned = compare::difference_of(compare::paired_differences(many), "b", "a", "accuracy");
  CHECK(turned["verdict"] == "worse");
  CHECK(turned["question_low"] == -large["question_high"].get<double>());
  CHECK(turned["question_high"] == -large["question_low"].get<double>());

  const json by_seed = difference(unlike, "accuracy");
  CHECK(by_seed["question_low"] > 0);
  CHECK(by_seed["low"] < 0);
  CHECK(by_seed["verdict"] == "noise");
}

TEST_CASE("compare/tasks: shares of the seeds, question by question") {
  const json one = asked_run("a", 1, "110", "01"), two = asked_run("a", 2, "100", "11");
  CHECK(compare::shares_right({&one, &two}, "accuracy") == std::vector<double>{1, 0.5, 0, 0.5, 1});
  CHECK(compare::shares_right({&one, &two}, "accuracy:second") == std::vector<double>{0.5, 1});
  const json row = compare::summarize_runs({one, two})[0];
  CHECK(row["accuracy"]["mean"] == Approx(0.6));
  CHECK(row["accuracy"]["questions"] == 5);
  CHECK(row["accuracy"]["low"] == Approx(gmoe::wilson_interval(0.6, 5).low));
  CHECK(row["accuracy:first"]["high"] == Approx(gmoe::wilson_interval(0.5, 3).high));
  CHECK(row["accuracy:first"]["questions"] == 3);
}

TEST_CASE("compare/tasks: tables, with marks, or what one seed leaves open") {
  std::vector<json> runs;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    runs.push_back(asked_run("a", seed, ones(50, 100), ones(40, 80)));
    runs.push_back(asked_run("b", seed, ones(90, 100), ones(40, 80)));
    json silent{{"variant", "c"}, {"seed", seed}, {"tasks", nullptr}, {"accuracy", nullptr}};
    runs.push_back(silent);
  }
  const std::string text = compare::tasks_text(assembled(runs));
  CHECK_MESSAGE(said(text,
                     "Tasks: accuracy in %, choices by log-likelihood per byte, 2 examples before each question, 64 "
                     "positions; the interval is over the questions:\n"),
                text);
  CHECK_MESSAGE(said(text,
                     "first                100    50.0      50.0\xC2\xB1"
                     "0.0       90.0\xC2\xB1"
                     "0.0*  -\n"),
                text);
  CHECK_MESSAGE(said(text,
                     "second                80    50.0      50.0\xC2\xB1"
                     "0.0~      50.0\xC2\xB1"
                     "0.0~  -\n"),
                text);
  CHECK(said(text, "over all             180    50.0 "));
  CHECK(said(text, "95 % interval                     42.8 to 57.2   65.3 to 78.2   -\n"));
  CHECK(said(text, "Accuracy over all questions against a, in points of 100"));
  CHECK_MESSAGE(said(text, "b             +22.2   +22.2 to +22.2       +15.9 to +28.1  better      3\n"), text);

  const std::string one = compare::tasks_text(
      assembled({asked_run("a", 1, ones(50, 100), ones(40, 80)), asked_run("b", 1, ones(90, 100), ones(40, 80))}));
  CHECK_MESSAGE(said(one, "b             +22.2                -       +15.9 to +28.1  one seed      1\n"), one);
  CHECK_FALSE(said(one, "*\n"));
  json none = assembled({asked_run("a", 1, "1", "0")});
  none["tasks"] = nullptr;
  CHECK(compare::tasks_text(none).empty());
}

TEST_CASE("compare/tasks: what is asked, and how, is part of what a run is") {
  const small_world w;
  const json before = w.tasks().settings();
  CHECK(before["context"] == 32);  // as trained
  CHECK(before["by"] == "sum");
  CHECK(before["files"]["q"].get<std::string>().starts_with("0 examples, 5 questions, "));
  CHECK(w.tasks({.by = "byte"}).settings() != before);
  CHECK(w.tasks({.shots = 1}).settings()["files"] != before["files"]);
  examples::task_options how;
  how.how.positions = 48;
  CHECK(w.tasks(how).settings() != before);
  how.how.positions = 65;
  CHECK_THROWS_WITH_AS(w.tasks(how), "--context is 65, but the models have 64 positions", gmoe::config_error);
  CHECK(w.tasks().settings() == before);
  w.write("q.jsonl", 5, "tex");
  CHECK(w.tasks().settings() != before);

  const compare::asked_tasks tasks = w.tasks();
  CHECK(tiny.settings(w.parts(&tasks))["tasks"] == tasks.settings());
  CHECK_FALSE(tiny.settings(w.parts(nullptr)).contains("tasks"));  // finished runs without tasks stay what they are
}

TEST_CASE("compare/tasks: every likelihood is kept, and an interruption among the questions is made up for") {
  const small_world w;
  const compare::asked_tasks tasks = w.tasks();
  const compare::split_text text = w.parts(&tasks);
  const json whole = compare::run_variant(tiny, text, {});
  CHECK_NOTHROW(compare::check_result(json::parse(whole.dump()), 1000, "file"));
  REQUIRE(whole["questions"].size() == 5);
  REQUIRE(whole["tasks"].size() == 1);
  CHECK(whole["tasks"][0]["task"] == "q");
  CHECK(whole["accuracy"] == whole["accuracy:q"]);
  for (std::size_t q = 0; q < 5; ++q) {
    const json& choices = whole["questions"][q]["choices"];
    const bool right = choices[0]["log_likelihood"].get<double>() > choices[1]["log_likelihood"].get<double>();
    CHECK(whole["tasks"][0]["outcomes"].get<std::string>()[q] == (right ? '1' : '0'));
  }

  const compare::unfinished_run unfinished(w / "unfinished", tiny.settings(text));
  int asked = 0;
  CHECK_THROWS_AS(compare::run_variant(tiny, text, {{}, [&] { return ++asked > 3; }, &unfinished}),
                  compare::interrupted);
  CHECK(w.files("unfinished") == 2);
  std::optional<std::int64_t> from;
  const json again = compare::run_variant(tiny, text, {{}, {}, &unfinished, [&](std::int64_t step) { from = step; }});
  CHECK(from == 3);
  CHECK(again["questions"] == whole["questions"]);
  CHECK(again["tasks"] == whole["tasks"]);
}

TEST_CASE("compare/tasks: a result that is not whole names the field") {
  const small_world w;
  const compare::asked_tasks tasks = w.tasks();
  const compare::split_text text{{}, {}, "a text", {}, &tasks};
  json good = made_result({.variant = "gmoe"}, text);
  const json choice{{"log_likelihood", -1.5}, {"tokens", 3u}, {"bytes", 3u}};
  good["questions"] = json::array();
  for (int i = 0; i < 2; ++i)
    good["questions"].push_back({{"task", "q"}, {"answer", 0u}, {"choices", {choice, choice}}});
  good["accuracy"] = good["accuracy:q"] = 0.5;
  good["tasks"] = {{{"task", "q"},
                    {"questions", 2u},
                    {"right", 1u},
                    {"accuracy", 0.5},
                    {"low", 0.1},
                    {"high", 0.9},
                    {"chance", 0.5},
                    {"outcomes", "10"}}};
  CHECK_NOTHROW(compare::check_result(good, 10, "file"));
  const auto problem = [&](const char* path, const json& value) {
    json r = good;
    r[json::json_pointer(path)] = value;
    try {
      compare::check_result(json::parse(r.dump()), 10, "file");
    } catch (const gmoe::file_error& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  CHECK(said(problem("/accuracy", 1.5), "file: accuracy is 1.5, expected a number from 0 to 1"));
  CHECK(said(problem("/tasks/0/outcomes", "1"), "tasks[0].outcomes is \"1\", expected a 0 or 1 for each of 2"));
  CHECK(said(problem("/tasks/0/outcomes", "1x"), "tasks[0].outcomes is \"1x\", expected a 0 or 1 for each of 2"));
  CHECK(said(problem("/tasks/0/right", 2), "tasks[0].right is 2, expected 1"));
  CHECK(said(problem("/tasks/0/questions", 3), "tasks[0].questions is 3, expected a whole number from 1 to 2"));
  CHECK(said(problem("/accuracy:q", 0.25), "file: accuracy:q is 0.25, expected 0.5"));
  CHECK(said(problem("/questions/1/answer", 2), "questions[1].answer is 2, expected a whole number from 0 to 1"));
  CHECK(said(problem("/questions/1/choices/0/log_likelihood", nullptr), "log_likelihood is null, expected a number"));
  CHECK(said(problem("/tasks", json::array()), "expected as many outcomes as there are questions"));
  CHECK(said(problem("/tasks", nullptr), "file: accuracy is 0.5, expected null"));
  for (const char* key : {"tasks", "questions", "accuracy", "accuracy:q"}) {
    json r = good;
    r.erase(key);
    CHECK_THROWS_AS(compare::check_result(r, 10, "file"), gmoe::file_error);
  }
  json silent = good;
  silent["tasks"] = silent["questions"] = silent["accuracy"] = nullptr;
  CHECK_NOTHROW(compare::check_result(silent, 10, "file"));
}
