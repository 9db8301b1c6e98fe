// score puts questions with choices to any saved model.

#include <cmath>
#include <nlohmann/json.hpp>

#include "gmoe/io/safetensors_reader.hpp"
#include "program.hpp"

using gmoe_test::score;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::train;
using gmoe_test::words;
using gmoe_test::workplace;
using gmoe_test::write_questions;
using nlohmann::json;

namespace {

json results(const workplace& w, const words& more) {
  words all = more;
  all.insert(all.end(), {"--json", "r.json"});
  REQUIRE_MESSAGE(w.run(score("a", all)) == 0, w.err());
  return json::parse(slurp(w / "r.json"));
}

/// Right answers, counted from the likelihoods that stand in the results.
long right_by(const json& r, const std::string& rule, const std::string& task = "") {
  long right = 0;
  for (const json& q : r["questions"]) {
    if (!task.empty() && q["task"] != task) continue;
    const auto value = [&](const json& c) {
      const double sum = c["log_likelihood"];
      return rule == "sum" ? sum : sum / (rule == "token" ? c["tokens"].get<double>() : c["bytes"].get<double>());
    };
    bool best = true;
    for (std::size_t i = 0; i < q["choices"].size(); ++i)
      best = best && (i == q["answer"] || value(q["choices"][i]) < value(q["choices"][q["answer"].get<std::size_t>()]));
    CHECK(q["right"] == best);
    right += best;
  }
  return right;
}

}  // namespace

TEST_CASE("runs/score: tasks, rules, intervals, and the likelihoods that they follow from") {
  const workplace w;
  write_questions(w);
  REQUIRE(w.run(train("a")) == 0);
  for (const char* rule : {"sum", "token", "byte"}) {
    CAPTURE(rule);
    const json r = results(w, {"--by", rule});
    CHECK(r["by"] == rule);
    CHECK(r["variant"] == "gmoe");
    REQUIRE(r["tasks"].size() == 2);
    CHECK(r["tasks"][0]["task"] == "q");
    CHECK(r["tasks"][1]["task"] == "other");
    for (const json& t : r["tasks"]) CHECK(t["right"] == right_by(r, rule, t["task"]));
    CHECK(r["all"]["questions"] == 4);
    CHECK(r["all"]["right"] == right_by(r, rule));
    CHECK(r["all"]["low"].get<double>() < r["all"]["high"].get<double>());
    CHECK(r["questions"][0]["choices"][0]["bytes"] == 12);
    CHECK(r["questions"][0]["choices"][0]["tokens"] == 12);
    for (const std::size_t long_one : {0, 3}) CHECK(r["questions"][long_one]["cut"] == true);
    CHECK(r["questions"][1]["cut"] == false);
    CHECK_HAS(w.out(), "2 questions did not fit into 16 positions");
    CHECK_HAS(w.out(), "over all");
  }
  // Text that it was trained on, against text that it was not.
  CHECK(results(w, {})["questions"][2]["right"] == true);
  CHECK(slurp(w / "r.json").find(w.path.string()) == std::string::npos);
}

TEST_CASE("runs/score: examples stand before questions") {
  const workplace w;
  write_questions(w);
  REQUIRE(w.run(train("a")) == 0);
  const json none = results(w, {"--context", "64"}), two = results(w, {"--context", "64", "--shots", "2"});
  CHECK(none["questions"].size() == 4);
  CHECK(two["questions"].size() == 2);
  spill(w / "shots.jsonl",
        "{\"context\": \"Verse\", \"choices\": [\" 1 of a text\", \" of\"], \"label\": 0}\n"
        "{\"context\": \"a\", \"choices\": [\" text\", \" words\"], \"label\": 1}\n");
  const json from = results(w, {"--context", "64", "--shots", "2", "--shots-from", "shots.jsonl"});
  REQUIRE(from["questions"].size() == 4);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t c = 0; c < 2; ++c) {
      const auto value = [&](const json& r, std::size_t q) {
        return r["questions"][q]["choices"][c]["log_likelihood"].get<double>();
      };
      CHECK(std::abs(value(two, i) - value(from, i + 2)) < 1e-4);
      CHECK(std::abs(value(two, i) - value(none, i + 2)) > 1e-4);
    }
  // The same written out.
  spill(w / "q.jsonl",
        "{\"context\": \"Verse 1 of a text\\na words\\n\", \"choices\": [\"zzzzz\", \"Verse\"], \"label\": 1}\n");
  const json written = results(w, {"--context", "64"});
  for (std::size_t c = 0; c < 2; ++c)
    CHECK(std::abs(written["questions"][0]["choices"][c]["log_likelihood"].get<double>() -
                   two["questions"][0]["choices"][c]["log_likelihood"].get<double>()) < 1e-4);
}

TEST_CASE("runs/score: published checkpoints of every kind, asked in token ids") {
  const workplace w;
  const std::filesystem::path golden = std::filesystem::path(GMOE_TESTS_DIR) / "golden";
  for (const std::string name : {"gmoe_tiny", "gmoe_deep", "gmoe_no_local", "gmoe_no_logits", "gmoe_no_state",
                                 "switch_tiny", "gshard_tiny", "dense_tiny"}) {
    CAPTURE(name);
    std::filesystem::create_directories(w / name);
    std::filesystem::copy_file(golden / (name + ".config.json"), w / name / "config.json");
    std::filesystem::copy_file(golden / (name + ".weights.safetensors"), w / name / "model.safetensors");
    // The reference's logits say how likely each sequence's end is behind its beginning, and any other last token.
    const gmoe::safetensors_file expect(golden / (name + ".expect.safetensors"));
    const auto shape = expect.entry("logits").shape;
    const auto tokens = expect.read<std::int64_t>("tokens");
    const auto logits = expect.read<double>("logits");
    const auto sequences = static_cast<std::size_t>(shape[0]), length = static_cast<std::size_t>(shape[1]),
               vocab = static_cast<std::size_t>(shape[2]);
    const auto log_p = [&](std::size_t sequence, std::size_t at, std::int64_t token) {
      const double* z = &logits[(sequence * length + at) * vocab];
      double sum = 0;
      for (std::size_t v = 0; v < vocab; ++v) sum += std::exp(z[v]);
      return z[token] - std::log(sum);
    };
    const std::size_t cut = length - 3;
    std::string lines;
    for (std::size_t b = 0; b < sequences; ++b) {
      const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(b * length),
                 middle = begin + static_cast<std::ptrdiff_t>(cut);
      const std::vector<std::int64_t> end(middle, begin + static_cast<std::ptrdiff_t>(length));
      lines += json{{"context_tokens", std::vector<std::int64_t>(begin, middle)},
                    {"choice_tokens", {end, {(end[0] + 1) % static_cast<std::int64_t>(vocab)}}},
                    {"choice_bytes", {7, 2}},
                    {"label", b % 2}}
                   .dump() +
               "\n";
    }
    spill(w / "q.jsonl", lines);
    REQUIRE_MESSAGE(w.run(score(name, {"--json", "r.json"})) == 0, w.err());
    CHECK_HAS(w.out(), "an official checkpoint of a ");
    const json r = json::parse(slurp(w / "r.json"));
    CHECK(r["official"] == true);
    CHECK(r["step"].is_null());
    CHECK(name.starts_with(r["variant"].get<std::string>()));
    for (std::size_t b = 0; b < sequences; ++b) {
      double sum = 0;
      for (std::size_t t = cut; t < length; ++t) sum += log_p(b, t - 1, tokens[b * length + t]);
      const json& choices = r["questions"][b]["choices"];
      CHECK(std::abs(choices[0]["log_likelihood"].get<double>() - sum) < 1e-4);
      const auto other = (tokens[b * length + cut] + 1) % static_cast<std::int64_t>(vocab);
      CHECK(std::abs(choices[1]["log_likelihood"].get<double>() - log_p(b, cut - 1, other)) < 1e-4);
      CHECK(choices[0]["tokens"] == 3);
      CHECK(choices[0]["bytes"] == 7);
      CHECK(r["questions"][b]["right"] == ((sum > log_p(b, cut - 1, other)) == (b % 2 == 0)));
    }
    CHECK(w.run(score(name, {"--by", "byte"})) == 0);
  }
  // Examples stand before a question as they are.
  spill(w / "q.jsonl",
        "{\"context_tokens\": [5, 6], \"choice_tokens\": [[7], [8, 9]], \"label\": 1}\n"
        "{\"context_tokens\": [10], \"choice_tokens\": [[11], [12]], \"label\": 0}\n");
  REQUIRE(w.run(score("gmoe_tiny", {"--shots", "1", "--json", "r.json"})) == 0);
  const json shown = json::parse(slurp(w / "r.json"));
  spill(w / "q.jsonl", "{\"context_tokens\": [5, 6, 8, 9, 10], \"choice_tokens\": [[11], [12]], \"label\": 0}\n");
  REQUIRE(w.run(score("gmoe_tiny", {"--json", "r.json"})) == 0);
  CHECK(json::parse(slurp(w / "r.json"))["questions"] == shown["questions"]);

  const auto fails = [&](const words& more, const char* message) {
    CHECK(w.run(score("gmoe_tiny", more)) == 1);
    CHECK_HAS(w.err(), message);
  };
  fails({"--by", "byte"}, "q.jsonl': line 1: has no 'choice_bytes', which --by byte divides by");
  spill(w / "shots.jsonl", "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"label\": 0}\n");
  fails({"--shots", "1", "--shots-from", "shots.jsonl"}, "q.jsonl': line 1: is in token ids, but its examples are not");
  spill(w / "q.jsonl", "{\"context_tokens\": [5, 61], \"choice_tokens\": [[7], [8]], \"label\": 1}\n");
  fails({}, "q.jsonl': line 1: token 61, expected 0 to 60, the model's vocabulary");
  write_questions(w);
  fails({}, "q.jsonl': line 1: is a text, but the model has a vocabulary of 61, whose tokenizer this program does not");
  std::filesystem::remove(w / "gmoe_tiny" / "model.safetensors");
  fails({}, "gmoe_tiny");
}

TEST_CASE("runs/score: what train saves for others answers as its own checkpoint does") {
  const workplace w;
  write_questions(w);
  REQUIRE(w.run(train("a")) == 0);
  const json own = results(w, {"--context", "64"});
  REQUIRE(w.run(score("a/official", {"--context", "64", "--json", "r.json"})) == 0);
  json published = json::parse(slurp(w / "r.json"));
  CHECK(published["variant"] == "gmoe");
  REQUIRE(published["questions"].size() == own["questions"].size());
  for (std::size_t q = 0; q < own["questions"].size(); ++q)
    for (std::size_t c = 0; c < own["questions"][q]["choices"].size(); ++c)
      CHECK(std::abs(published["questions"][q]["choices"][c]["log_likelihood"].get<double>() -
                     own["questions"][q]["choices"][c]["log_likelihood"].get<double>()) < 1e-5);
  // As many positions as there are, where nobody says how many were trained on.
  REQUIRE(w.run(score("a/official")) == 0);
  CHECK_HAS(w.out(), "256 positions");
}

TEST_CASE("runs/score: mistakes are told") {
  const workplace w;
  write_questions(w);
  REQUIRE(w.run(train("a")) == 0);
  const auto fails = [&](const words& command, int status, const char* message) {
    CHECK(w.run(command) == status);
    CHECK_HAS(w.err(), message);
    CHECK_HAS(w.err(), "score: ");
  };
  fails(score("absent"), 1, "absent");
  fails(score("a", {"--context", "257"}), 1, "--context is 257, but the model has 256 positions");
  fails(score("a", {"--context", "4"}), 1, "q.jsonl': line 1: choice 0 has 12 bytes, expected at most the 4 positions");
  fails(score("a", {"--shots", "4"}), 1, "q.jsonl has 4 questions, expected at least 5, as there are 4 examples");
  fails(score("a", {"--shots-from", "q.jsonl"}), 2, "--shots-from needs --shots");
  fails(score("a", {"--separator", ""}), 2, "--separator");
  fails(score("a", {"--by", "word"}), 2, "--by is 'word', expected sum, token or byte");
  fails(score("a", {"other/q.jsonl"}), 2, "--tasks has two files named 'q', expected different names");
  fails(score("a", {"absent.jsonl"}), 1, "absent.jsonl");
  fails(score("a", {"--json", "no/such/folder/r.json"}), 1, "no/such/folder");
  fails({GMOE_SCORE_PROGRAM, "--checkpoint", "a"}, 2, "--tasks is required");
  spill(w / "q.jsonl", "{\"context\": \"\", \"choices\": [\"a\", \"b\"], \"label\": 2}\n");
  fails(score("a"), 1, "q.jsonl': line 1: field 'label' is 2, expected 0 to 1, the place of the right choice");
}
