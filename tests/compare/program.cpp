// The program as its user runs it.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "session/session.hpp"
#include "session/settings.hpp"
#include "workplace.hpp"

using nlohmann::json;
using words = std::vector<std::string>;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// A folder with a text, and what it takes to run the program in it on very small models.
class bench : public workplace {
 public:
  bench() {
    std::ofstream text(*this / "text.txt");
    for (int i = 0; i < 120; ++i) text << "Verse " << i << " of a text, " << i * i % 97 << " words long.\n";
  }

  /// Small sizes and few steps, where `more` does not say otherwise.
  static words tiny(const words& more) {
    words all = more;
    words defaults{"--dense",   "plain", "--seeds",  "1", "--steps", "3", "--batch", "2", "--sequence", "16",
                   "--d-model", "16",    "--layers", "4", "--heads", "2", "--d-ff",  "16"};
    if (std::find(more.begin(), more.end(), "dense") == more.end()) defaults.insert(defaults.end(), {"--experts", "4"});
    for (std::size_t i = 0; i < defaults.size(); i += 2)
      if (std::find(more.begin(), more.end(), defaults[i]) == more.end())
        all.insert(all.end(), {defaults[i], defaults[i + 1]});
    return all;
  }

  pid_t start(const words& arguments, const char* program = GMOE_COMPARE_PROGRAM) const {
    std::vector<const char*> argv{program};
    for (const auto& a : arguments) argv.push_back(a.c_str());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const int out = ::open((*this / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      const int err = ::open((*this / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out, 1);
      ::dup2(err, 2);
      if (::chdir(path().c_str()) == 0) ::execv(argv[0], const_cast<char**>(argv.data()));
      ::_exit(127);
    }
    return child;
  }
  static int wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int run(const words& arguments) const { return wait(start(arguments)); }
  /// Whether recompute.cpp comes to the same numbers from the runs' own files.
  bool recomputed(const std::string& results) const {
    return wait(start({results, "runs/comparison/finished"}, GMOE_RECOMPUTE_PROGRAM)) == 0;
  }
  std::string out() const { return read(*this / "out"); }
  std::string err() const { return read(*this / "err"); }
  json results() const { return json::parse(read(*this / "runs" / "comparison" / "results.json")); }
};

/// "a, b or c": the variants with a number of that name, or of these with that value.
std::string variants_with(const std::string& number, const std::string& last, const std::string& value = "") {
  words names;
  for (const auto& v : examples::all_variants()) {
    gmoe::any_card card = examples::card_with(v.name);
    for (const gmoe::setting& s : card.settings())
      if (s.path() == number && (value.empty() || s.text() == value)) names.push_back(v.name);
  }
  REQUIRE(names.size() > 1);
  std::string text = names[0];
  for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? last : ", ") + names[i];
  return text;
}

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

void check_finite_number(const json& run, const char* key) {
  INFO(run["variant"], ": ", key);
  REQUIRE(run.contains(key));
  REQUIRE(run[key].is_number());
  CHECK(std::isfinite(run[key].get<double>()));
}

}  // namespace

TEST_CASE("compare/program: every variant, every field, present and finite") {
  const bench b;
  REQUIRE_MESSAGE(b.run(bench::tiny({"--variants", "all", "--text", "text.txt"})) == 0, b.err());
  const json all = b.results();
  const auto known = examples::all_variants();
  REQUIRE(all["runs"].size() == known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    const json& r = all["runs"][i];
    CHECK(r["variant"] == known[i].name);
    CHECK(r["seed"] == 42);
    for (const char* key : {"parameters_total", "parameters_active", "multiply_adds_per_token", "validation_loss",
                            "perplexity", "bits_per_byte", "balance_loss", "tokens_per_second", "training_seconds",
                            "training_tokens", "peak_memory_bytes", "validation_tokens", "analysis_tokens"})
      check_finite_number(r, key);
    CHECK(r["parameters_active"] > 0);
    CHECK(r["parameters_total"] > 0);
    CHECK(r["tokens_per_second"] > 0);
    CHECK(r["peak_memory_bytes"] > r["parameters_total"].get<double>() * 4 * 4);  // values, gradients, two moments
    CHECK(r["training_tokens"] == 3 * 2 * 16);
    CHECK(r["perplexity"].get<double>() == doctest::Approx(std::exp(r["validation_loss"].get<double>())));
    CHECK(r["bits_per_byte"].get<double>() == doctest::Approx(r["validation_loss"].get<double>() / std::log(2.0)));
    CHECK(r["validation_loss"] < 6.5);  // about ln 256 at the start
    CHECK(r["curve"]["training"].size() == 3);
    REQUIRE(r["curve"]["validation"].size() >= 2);
    CHECK(r["curve"]["validation"].back()[1] == r["validation_loss"]);
    // All variants begin with the same backbone, except those that have another.
    const bool same = r["initial_backbone"] == all["runs"][0]["initial_backbone"];
    const bool own_attention = known[i].name == "moa" || known[i].name == "h-1-heads";
    CHECK(same != (known[i].name.starts_with("llama") || own_attention));

    const std::size_t layers = r["layers"].size();
    CHECK(r["load_cv"].size() == layers);
    const char* const path_keys[] = {"path_entropy",    "effective_paths", "top1_path_mass", "normalized_path_entropy",
                                     "top10_path_mass", "distinct_paths"};
    // Where nobody chooses there are no choices to measure.
    if (known[i].name.starts_with("dense") || known[i].name == "soft-moe" || known[i].name == "smear" ||
        known[i].name == "moa" || known[i].name == "h-1-heads") {
      CHECK(layers == 0);
      for (const char* key : path_keys) CHECK(r.at(key).is_null());
      CHECK(r["paths"].is_null());
      continue;
    }
    REQUIRE(layers > 0);
    for (const char* key : path_keys) check_finite_number(r, key);
    for (const char* key : {"mutual_information", "smoothness", "router_entropy", "margin", "mean_load_cv",
                            "common_path_entropy", "common_normalized_path_entropy", "common_effective_paths"})
      check_finite_number(r, key);
    CHECK(r["effective_paths"] >= 1 - 1e-9);
    CHECK(r["top1_path_mass"] > 0);
    CHECK(r["top1_path_mass"] <= 1);
    CHECK(r["path_length"] == layers);
    CHECK(r["consistency"].is_null() == (layers == 1));
    if (layers > 1) check_finite_number(r, "consistency_by_chance");
    for (std::size_t l = 0; l < layers; ++l) {
      check_finite_number({{"variant", known[i].name}, {"cv", r["load_cv"][l]}}, "cv");
      const json& layer = r["layers"][l];
      CHECK(layer["fractions"].size() == layer["experts"]);
      CHECK(layer["ids"].size() == layer["experts"]);
      CHECK(layer["widths"].size() == layer["experts"]);
      double sum = 0;
      for (const double f : layer["fractions"]) sum += f;
      CHECK(sum == doctest::Approx(1.0));
    }
    REQUIRE(r["paths"]["top"].size() >= 1);
    CHECK(r["paths"]["top"][0]["share"] == r["top1_path_mass"]);
    CHECK(r["paths"]["top"][0]["steps"].size() == layers);
    CHECK(r["paths"]["links"].size() == layers - 1);
  }
  // No two variants are the same model under two names.
  for (std::size_t i = 0; i < known.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      INFO(known[i].name, " and ", known[k].name);
      CHECK(all["runs"][i]["curve"]["training"] != all["runs"][k]["curve"]["training"]);
    }
  const auto run_of = [&](std::string_view name) {
    return *std::find_if(all["runs"].begin(), all["runs"].end(), [&](const json& r) { return r["variant"] == name; });
  };
  CHECK(run_of("gmoe-fine-grained")["settings"]["card"]["experts.granularity"] == 2);
  CHECK(all["variants"]["gmoe"]["card"] == json{{"balance.alpha", 0.01}, {"select.k", 1}});
  CHECK(all["variants"]["gshard-paper"]["card"]["capacity.order"] == "choice_order");
  CHECK(all["variants"]["dense"]["card"].empty());
  CHECK(contains(all["variants"]["switch"]["parts"].get<std::string>(),
                 "\n  select     top_k {k = 1}: choose, at_most\n"));
  // The table and the report know them all.
  const std::string page = read(b / "runs" / "comparison" / "report.html");
  for (const auto& v : known) {
    CHECK(contains(b.out(), "\n" + v.name + " "));
    CHECK(contains(page, "\"variant\":\"" + v.name + "\""));
  }
  CHECK(contains(b.out(), "report.html"));
}

TEST_CASE("compare/program: several seeds give means and deviations") {
  const bench b;
  const words arguments =
      bench::tiny({"--variants", "gmoe,dense", "--text", "text.txt", "--seeds", "2", "--seed", "7"});
  REQUIRE_MESSAGE(b.run(arguments) == 0, b.err());
  const json all = b.results();
  REQUIRE(all["runs"].size() == 4);
  CHECK(all["runs"][1]["seed"] == 8);
  CHECK(all["runs"][0]["initial_backbone"] != all["runs"][1]["initial_backbone"]);
  CHECK(all["runs"][0]["initial_backbone"] == all["runs"][2]["initial_backbone"]);
  const double first = all["runs"][0]["validation_loss"], second = all["runs"][1]["validation_loss"];
  CHECK(first != second);
  CHECK(all["summary"][0]["validation_loss"]["mean"].get<double>() == doctest::Approx((first + second) / 2));
  CHECK(all["summary"][0]["validation_loss"]["deviation"].get<double>() ==
        doctest::Approx(std::abs(first - second) / std::sqrt(2.0)));
  CHECK(contains(b.out(), "\xC2\xB1"));
  CHECK(contains(b.out(), "Validation loss against gmoe, in pairs of the same seed"));

  const std::string results = "runs/comparison/results.json";
  CHECK_MESSAGE(b.recomputed(results), b.out());
  // Whatever is changed in the results is noticed.
  for (const char* place :
       {"/summary/0/perplexity/mean", "/summary/1/tokens_per_second/deviation", "/differences/0/validation_loss/low",
        "/differences/0/validation_loss/verdict", "/summary/1/verdicts/validation_loss"}) {
    json changed = all;
    json& value = changed.at(json::json_pointer(place));
    value = value.is_number() ? json(value.get<double>() * 1.001) : json("something else");
    std::ofstream(b / "changed.json") << changed;
    CHECK_FALSE_MESSAGE(b.recomputed("changed.json"), place);
  }
}

TEST_CASE("compare/program: tasks are put to every run, kept, merged, recomputed") {
  const bench b;
  const auto write = [&](const char* name, int questions) {
    std::ofstream file(b / name);
    for (int i = 0; i < questions; ++i)
      file << json{{"sentence_good", "Verse " + std::to_string(i)},
                   {"sentence_bad", "esreV " + std::to_string(i)},
                   {"UID", i % 3 == 0 ? "a \"word\", <b>" : "other"}}
           << "\n";
  };
  write("pairs.jsonl", 30);
  std::ofstream(b / "q.jsonl") << R"({"context": "Verse 1 of a", "choices": [" text", " of", " 1"], "label": 0})"
                               << "\n"
                               << R"({"context": "Verse 2", "choices": [" of a", " fo a"], "label": 0})"
                               << "\n";
  const words arguments =
      bench::tiny({"--variants", "gmoe,dense", "--text", "text.txt", "--seeds", "2", "--seed", "7", "--steps", "20",
                   "--tasks", "pairs.jsonl", "q.jsonl", "--by", "byte", "--shots", "1", "--context", "40"});
  REQUIRE_MESSAGE(b.run(arguments) == 0, b.err());
  const std::string out = b.out();
  CHECK(contains(out, "every run is asked 30 questions of 2 files at its end\n"));
  CHECK(contains(out, "choices by log-likelihood per byte, 1 example before each question, 40 positions"));
  CHECK(contains(out, "\na \"word\", <b>  "));
  CHECK(contains(out, "Accuracy over all questions against gmoe"));
  const json all = b.results();
  REQUIRE(all["runs"].size() == 4);
  CHECK(all["tasks"]["by"] == "byte");
  CHECK(all["tasks"]["intervals"].contains("difference over questions"));
  for (const json& run : all["runs"]) {
    for (const char* key : {"accuracy", "accuracy:other", "accuracy:q", "accuracy:a \"word\", <b>"})
      check_finite_number(run, key);
    CHECK_FALSE(run.contains("questions"));  // they are in the run's own file
    std::size_t outcomes = 0;
    for (const json& task : run["tasks"]) outcomes += task["outcomes"].get<std::string>().size();
    CHECK(outcomes == 30);
  }
  const std::string results = "runs/comparison/results.json";
  CHECK_MESSAGE(b.recomputed(results), b.out());
  for (const char* place :
       {"/summary/0/accuracy/mean", "/summary/1/accuracy:other/high", "/differences/0/accuracy/question_low",
        "/differences/0/accuracy:q/mean", "/differences/0/accuracy/verdict", "/runs/1/tasks/0/outcomes",
        "/runs/0/tasks/1/low", "/runs/2/tasks/0/chance"}) {
    json changed = all;
    json& value = changed.at(json::json_pointer(place));
    value = value.is_number() ? json(value.get<double>() + 0.01) : json("something else");
    std::ofstream(b / "changed.json") << changed;
    CHECK_FALSE_MESSAGE(b.recomputed("changed.json"), place);
  }
  const std::string csv = read(b / "runs" / "comparison" / "results.csv");
  CHECK(contains(csv, ",accuracy,\"accuracy:a \"\"word\"\", <b>\",accuracy:other,accuracy:q,"));
  CHECK_FALSE(contains(read(b / "runs" / "comparison" / "report.html"), "<b>\""));

  // Finished runs keep what they answered; other questions are other runs; comparisons of other tasks do not merge.
  REQUIRE(b.run(arguments) == 0);
  CHECK(contains(b.out(), "[4/4] dense seed 8"));
  CHECK(contains(b.out().substr(b.out().find("[4/4]")), "finished before"));
  CHECK(b.results()["summary"] == all["summary"]);
  const auto with = [&](const words& more) {
    words changed = arguments;
    for (std::size_t i = 0; i < more.size(); i += 2)
      if (const auto at = std::find(changed.begin(), changed.end(), more[i]); at != changed.end())
        *(at + 1) = more[i + 1];
      else
        changed.insert(changed.end(), {more[i], more[i + 1]});
    return changed;
  };
  REQUIRE(b.run(with({"--json", "first.json", "--seeds", "1"})) == 0);
  REQUIRE(b.run(with({"--json", "second.json", "--seeds", "1", "--seed", "8"})) == 0);
  REQUIRE_MESSAGE(b.run({"--merge", "first.json", "second.json"}) == 0, b.err());
  for (const char* key : {"summary", "differences", "runs", "tasks"}) CHECK(b.results()[key] == all[key]);
  REQUIRE(b.run(with({"--json", "third.json", "--seeds", "1", "--by", "sum"})) == 0);
  CHECK_FALSE(contains(b.out(), "finished before"));
  CHECK(b.run({"--merge", "first.json", "third.json"}) == 1);
  CHECK(contains(b.err(), "'third.json' does not fit 'first.json': the tasks are others"));
}

TEST_CASE("compare/program: matched sizes are said and come close") {
  const bench b;
  REQUIRE_MESSAGE(b.run(bench::tiny({"--variants", "gmoe,smoe,dense", "--text", "text.txt", "--equal", "parameters",
                                     "--experts", "8"})) == 0,
                  b.err());
  const json all = b.results();
  const double target = all["runs"][0]["parameters_total"];
  CHECK(all["runs"][0]["match"].is_null());
  for (const int i : {1, 2}) {
    CHECK(all["runs"][i]["match"]["field"] == "d_ff");
    CHECK(all["runs"][i]["parameters_total"] == all["runs"][i]["match"]["reached"]);
    const double off = std::abs(all["runs"][i]["parameters_total"].get<double>() / target - 1);
    CHECK(off < 0.05);
    const std::string line = all["runs"][i]["variant"].get<std::string>() + ": d_ff = ";
    const std::string said = b.out().substr(std::min(b.out().find(line), b.out().size()));
    CHECK(contains(said.substr(0, said.find('\n')), "as near as it comes") == (off > 0.01));
  }
  CHECK(contains(b.out(), "smoe: d_ff = "));
  CHECK(contains(b.out(), "equal parameters "));
  CHECK(contains(b.out(), "dense: d_ff = "));
}

TEST_CASE("compare/program: equal operations, the dense baseline, further texts, speedup; merged, recomputed") {
  const bench b;
  {
    std::ofstream other(b / "other.txt");
    for (int i = 0; i < 50; ++i) other << "Another text; its line " << i << ".\n";
  }
  const words arguments =
      bench::tiny({"--variants", "gmoe,switch", "--text", "text.txt", "--seed", "7", "--steps", "100", "--equal",
                   "flops", "--dense", "matched", "--validate", "other=" + (b / "other.txt").string()});
  const auto with = [&](const words& more) {
    words all = arguments;
    for (std::size_t i = 0; i < more.size(); i += 2)
      if (const auto at = std::find(all.begin(), all.end(), more[i]); at != all.end())
        *(at + 1) = more[i + 1];
      else
        all.insert(all.end(), {more[i], more[i + 1]});
    return all;
  };
  REQUIRE_MESSAGE(b.run(with({"--seeds", "3"})) == 0, b.err());
  const std::string out = b.out();
  const json all = b.results();
  REQUIRE(all["runs"].size() == 9);
  CHECK(contains(out, "\nequal flops "));
  const auto flops = [](const json& run) {
    return run["training_flops_per_token"].get<double>() * run["training_tokens"].get<double>();
  };
  for (const json& run : all["runs"]) {
    CAPTURE(run["variant"]);
    CHECK(flops(run) / flops(all["runs"][0]) == doctest::Approx(1).epsilon(0.01));
    if (run["variant"] == "dense")
      CHECK(run["parameters_active"].get<double>() / all["runs"][0]["parameters_active"].get<double>() ==
            doctest::Approx(1).epsilon(0.01));
    check_finite_number(run, "validation_loss:other");
    CHECK(run["texts"]["other"]["layers"].size() == run["layers"].size());
    for (const json& layer : run["texts"]["other"]["layers"]) {
      double sum = 0;
      for (const double f : layer["fractions"]) sum += f;
      CHECK(sum == doctest::Approx(1));
    }
  }
  CHECK(all["runs"].back()["variant"] == "dense");
  CHECK(contains(out, "switch: steps = "));
  CHECK(contains(out, "dense: d_ff = "));
  CHECK(contains(out, "\nbigram "));
  CHECK(contains(out, "\nunigram "));
  CHECK(all["floors"]["bigram"] < all["floors"]["unigram"]);
  CHECK(contains(out, "Validation loss on other texts:\nvariant "));
  REQUIRE(all["speedup"]["curve"].is_object());
  CHECK(all["speedup"]["baseline"] == "dense");
  CHECK(contains(out, "Effective speedup over dense"));
  for (const json& row : all["speedup"]["variants"])
    if (row["extrapolated"] == true) CHECK(contains(out, "extrapolated"));
  CHECK(b.recomputed("runs/comparison/results.json"));
  for (const char* place : {"/speedup/curve/residual", "/speedup/variants/0/loss", "/speedup/variants/0/tokens"}) {
    json changed = all;
    json& value = changed.at(json::json_pointer(place));
    value = value.get<double>() * 1.01;
    std::ofstream(b / "changed.json") << changed;
    CHECK_FALSE_MESSAGE(b.recomputed("changed.json"), place);
  }

  // Where the results come from, and nothing of this machine's folders.
  const json& origin = all["provenance"][0];
  CHECK(contains(origin["command"], "compare --variants gmoe,switch --text text.txt --seed 7"));
  CHECK(contains(origin["command"], "--validate other=other.txt"));
  for (const char* key : {"version", "processor", "compiler", "backend", "products"}) CHECK(origin[key].is_string());
  CHECK_FALSE(contains(all.dump(), b.path().string()));

  // A line per run beside it.
  const std::string csv = read(b / "runs" / "comparison" / "results.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 10);
  CHECK(csv.starts_with("variant,seed,"));

  // The same in two parts, which need not run again: merged, they are the whole.
  REQUIRE(b.run(with({"--json", "first.json"})) == 0);
  CHECK_FALSE(contains(b.out(), "tokens/s\n["));
  REQUIRE(b.run(with({"--json", "second.json", "--seeds", "2", "--seed", "8"})) == 0);
  REQUIRE_MESSAGE(b.run({"--merge", "first.json", "second.json"}) == 0, b.err());
  const json merged = b.results();
  for (const char* key : {"summary", "differences", "speedup", "floors", "common_blocks", "runs"})
    CHECK_MESSAGE(merged[key] == all[key], key);
  CHECK(merged["provenance"].size() == 2);
  REQUIRE(b.run(with({"--json", "third.json", "--steps", "80"})) == 0);
  CHECK(b.run({"--merge", "first.json", "third.json"}) == 1);
  CHECK(contains(b.err(), "'third.json' does not fit 'first.json': recipe/steps is another"));
  CHECK(b.run({"--merge", "first.json", "other.txt"}) == 1);
  CHECK(contains(b.err(), "'other.txt': not valid JSON"));
}

TEST_CASE("compare/program: finished runs are taken over, with the same settings only") {
  const bench b;
  const words arguments = bench::tiny({"--variants", "gmoe,dense", "--text", "text.txt"});
  REQUIRE(b.run(arguments) == 0);
  const json before = b.results();
  CHECK_FALSE(contains(b.out(), "finished before"));
  REQUIRE(b.run(arguments) == 0);
  CHECK(contains(b.out(), "[1/2] gmoe seed 42"));
  CHECK(contains(b.out(), "finished before"));
  CHECK(b.results() == before);  // speeds included: nothing ran again
  words other = arguments;
  other.insert(other.end(), {"--learning-rate", "0.002"});
  REQUIRE(b.run(other) == 0);
  CHECK_FALSE(contains(b.out(), "finished before"));
  words fresh = arguments;
  fresh.push_back("--fresh");
  REQUIRE(b.run(fresh) == 0);
  CHECK_FALSE(contains(b.out(), "finished before"));
  CHECK(b.results()["runs"][0]["validation_loss"] == before["runs"][0]["validation_loss"]);
}

TEST_CASE("compare/program: --set applies where the number exists, and is part of what a finished run is") {
  const bench b;
  const words plain = bench::tiny({"--variants", "gmoe,switch", "--text", "text.txt"});
  REQUIRE_MESSAGE(b.run(plain) == 0, b.err());
  CHECK(contains(b.out(), "\n  gmoe: select.k = 1, balance.alpha = 0.01\n"));
  const json before = b.results();
  words set = plain;
  set.insert(set.end(), {"--set", "capacity.factor=0.5", "select.k=2"});
  REQUIRE_MESSAGE(b.run(set) == 0, b.err());
  CHECK_FALSE(contains(b.out(), "finished before"));
  CHECK(contains(b.out(), "\n  gmoe: select.k = 2, balance.alpha = 0.01\n"));
  const json after = b.results();
  CHECK(after["runs"][0]["settings"]["card"] == json{{"balance.alpha", 0.01}, {"select.k", 2}});
  CHECK(after["runs"][1]["settings"]["card"]["capacity.factor"] == 0.5);
  CHECK(after["runs"][1]["settings"]["card"]["select.k"] == 2);
  CHECK(after["variants"]["switch"]["card"]["capacity.factor"] == 0.5);
  CHECK(after["runs"][0]["parameters_active"] > before["runs"][0]["parameters_active"]);
  // Only switch has that number: gmoe's run is the one that there is.
  words one = plain;
  one.insert(one.end(), {"--set", "capacity.factor=0.5"});
  REQUIRE(b.run(one) == 0);
  CHECK_MESSAGE(contains(b.out(), "[1/2] gmoe seed 42: perplexity"), b.out());
  CHECK(contains(b.out().substr(b.out().find("[1/2]"), b.out().find("[2/2]") - b.out().find("[1/2]")),
                 "finished before"));
  CHECK_FALSE(contains(b.out().substr(b.out().find("[2/2]")), "finished before"));
}

TEST_CASE("compare/program: Ctrl-C keeps what is finished, the same command continues") {
  const bench b;
  words arguments =
      bench::tiny({"--variants", "dense,gmoe,switch", "--text", "text.txt", "--runs", "kept", "--steps", "200"});
  const pid_t child = b.start(arguments);
  for (int i = 0; i < 20000 && b.files("kept") == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(b.files("kept") >= 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // into the second run
  ::kill(child, SIGINT);
  CHECK(bench::wait(child) == 130);
  CHECK(contains(b.err(), "interrupted; finished runs are kept in kept, the same command continues where it stopped"));
  CHECK_FALSE(std::filesystem::exists(b / "runs/comparison/results.json"));
  const std::ptrdiff_t unfinished = b.files("kept/unfinished"), kept = b.files("kept") - (unfinished > 0);
  REQUIRE(kept < 3);
  CHECK((unfinished == 2 || unfinished == 0));  // none only if the signal came between two runs
  REQUIRE_MESSAGE(b.run(arguments) == 0, b.err());
  const std::string out = b.out();
  std::ptrdiff_t reused = 0;
  for (std::size_t at = 0; (at = out.find("finished before", at)) != std::string::npos; ++at) ++reused;
  CHECK(reused == kept);
  CHECK(contains(out, "(continued at step ") == (unfinished == 2));
  CHECK(b.files("kept") == 3);
  const json continued = b.results();
  CHECK(continued["runs"].size() == 3);
  // The same bits as without an interruption.
  arguments.insert(arguments.end(), {"--fresh"});
  REQUIRE(b.run(arguments) == 0);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(b.results()["runs"][i]["curve"] == continued["runs"][i]["curve"]);
    CHECK(b.results()["runs"][i]["layers"] == continued["runs"][i]["layers"]);
  }
}

TEST_CASE("compare/program: a group is all its variants, among others") {
  const bench b;
  REQUIRE_MESSAGE(b.run(bench::tiny({"--variants", "smoe,group:gshard", "--text", "text.txt"})) == 0, b.err());
  const json results = b.results();
  words trained;
  for (const json& run : results["runs"]) trained.push_back(run["variant"]);
  CHECK(trained == words{"smoe", "gshard", "gshard-paper"});
}

TEST_CASE("compare/program: mistakes are told in one line, before anything is trained") {
  const bench b;
  std::ofstream(b / "short.txt") << "short";
  const auto fails = [&](const words& arguments, const std::string& message, int code = 1) {
    CHECK(b.run(bench::tiny(arguments)) == code);
    CHECK_MESSAGE(contains(b.err(), message), b.err());
    CHECK(b.files("runs/comparison/finished") == 0);
  };
  fails({"--variants", "gmoe"}, "no text was given");
  fails({"--text", "text.txt", "--variants", "gmo"}, "there is no variant 'gmo'; did you mean 'gmoe'?");
  fails({"--text", "text.txt", "--variants", "gmoe,group:pol"},
        "there is no group 'pol'; did you mean 'group:pools'? --list shows them all\n");
  fails({"--text", "missing.txt"}, "\"missing.txt\" does not exist");
  fails({"--text", "short.txt"}, "the text's 5 tokens");
  fails({"--text", "text.txt", "--variants", "gmoe,smoe", "--experts", "1"},
        "variant 'smoe': the selection takes 2 experts per token, but block 0 has only 1");
  fails({"--text", "text.txt", "--variants", "dense", "--heads", "3"},
        "variant 'dense': d_model = 16 is not divisible by heads = 3");
  fails({"--text", "text.txt", "--variants", "deepseek-moe", "--set", "experts.granularity=3"},
        "variant 'deepseek-moe': d_ff = 16 is not divisible by granularity = 3");
  fails({"--text", "text.txt", "--variants", "dense,gmoe", "--set", "capacity.factor=2"},
        "--set capacity.factor has no effect on dense or gmoe; it is for " + variants_with("capacity.factor", " or ") +
            "\n",
        2);
  fails({"--text", "text.txt", "--variants", "dense,switch", "--set", "balance.alhpa=2"},
        "--set 'balance.alhpa': there is no such number; did you mean balance.alpha?", 2);
  fails({"--text", "text.txt", "--variants", "switch", "--set", "balance.alpha=-1"},
        "--set balance.alpha is -1, expected 0 or more", 2);
  fails({"--text", "text.txt", "--variants", "switch", "--set", "capacity.order=any"},
        "--set capacity.order is 'any', expected one of token_order, choice_order, within_choice", 2);
  fails({"--text", "text.txt", "--variants", "switch", "--set", "balance.alpha"},
        "--set is 'balance.alpha', expected NAME=VALUE", 2);
  fails({"--text", "text.txt", "--variants", "switch", "--set", "select.k=1", "--set", "select.k=2"},
        "--set 'select.k' was given twice", 2);
  fails({"--text", "text.txt", "--variants", "dense,dense-relu", "--experts", "4"},
        "--experts has no effect on dense or dense-relu", 2);
  std::ofstream(b / "q.jsonl") << R"({"context": "", "choices": ["a text of many words", "b"], "label": 0})"
                               << "\n";
  fails({"--text", "text.txt", "--tasks", "q.jsonl"},
        "q.jsonl': line 1: choice 0 has 20 bytes, expected at most the 16");
  fails({"--text", "text.txt", "--tasks", "q.jsonl", "--context", "999"},
        "--context is 999, but the models have 256 positions");
  fails({"--text", "text.txt", "--tasks", "missing.jsonl"}, "missing.jsonl");
  fails({"--text", "text.txt", "--by", "byte"}, "--by has no effect without --tasks", 2);
  fails({"--text", "text.txt", "--tasks", "q.jsonl", "--shots-from", "q.jsonl"}, "--shots-from needs --shots", 2);
  fails({"--text", "text.txt", "--sequence", "999"}, "sequence = 999 is longer than positions = 256");
  fails({"--text", "text.txt", "--learning-rate", "-1"}, "learning_rate is -1, expected a positive number");
  fails({"--text", "text.txt", "--report", "text.txt/report.html"}, "text.txt/report.html");
  fails({"--text", "text.txt", "--json", "/"}, "cannot write");
  fails({"--text", "text.txt", "--runs", "text.txt/runs"}, "text.txt/runs");
}

TEST_CASE("compare/program: flags that are none, and the list") {
  const bench b;
  const auto told = [&](const words& arguments) {
    CHECK(b.run(arguments) == 2);
    CHECK(b.out().empty());
    return b.err();
  };
  CHECK(told({"--steps", "many"}) == "compare: --steps is 'many', expected a whole number\n");
  CHECK(told({"--equal", "token", "--text", "text.txt"}) ==
        "compare: --equal is 'token', expected tokens, flops, seconds, parameters or active; did you mean tokens?\n");
  CHECK(contains(told({"--validate", "other", "--text", "text.txt"}), "--validate is 'other', expected NAME=PATH"));
  CHECK(told({"--stpes", "3"}) == "compare: there is no option '--stpes'; did you mean --steps?\n");
  CHECK(told({"--balance-alpha", "3"}) ==
        "compare: there is no option '--balance-alpha'; did you mean --set balance.alpha=VALUE?\n");
  CHECK(told({"--granularity", "3"}) ==
        "compare: there is no option '--granularity'; did you mean --set experts.granularity=VALUE?\n");
  CHECK(told({"--no-such-flag"}) == "compare: there is no option '--no-such-flag'; --help lists them\n");
  CHECK(told({"--seeds", "0", "--text", "text.txt"}) == "compare: --seeds is '0', expected a whole number from 1 up\n");
  CHECK(b.run({"--list"}) == 0);
  for (const auto& v : examples::all_variants()) {
    CHECK(contains(b.out(), "\n  " + v.name + " "));
    CHECK(contains(b.out(), v.about));
  }
  CHECK(contains(b.out(), "\n  group:NAME "));
  CHECK(b.run({"--list", "--json"}) == 0);
  const json list = json::parse(b.out());
  CHECK(list.at("variants").size() == examples::all_variants().size());
  CHECK(list.at("chosen_groups").size() > 1);
  CHECK(b.run({"--json", "list.json", "--list"}) == 0);
  CHECK(b.out().empty());
  CHECK(json::parse(read(b / "list.json")) == list);
  CHECK(told({"--json", "--text", "text.txt"}) == "compare: --json has no value, expected a text\n");
  CHECK(told({"--text", "text.txt", "--json"}) == "compare: --json has no value, expected a text\n");
  CHECK(b.run({"--help"}) == 0);
  for (const char* option : {"--variants", "--equal", "--d-model", "--learning-rate", "--report"})
    CHECK(contains(b.out(), option));
  CHECK(contains(b.out(), "Examples:\n  compare --text book.txt\n"));
  CHECK(contains(b.out(), "Numbers of the variants, for --set NAME=VALUE"));
  CHECK(contains(b.out(),
                 "\n  capacity.factor           capacity factor: room against an even share; a positive number\n"));
  CHECK(contains(b.out(), " 1.25: " + variants_with("capacity.factor", ", ", "1.25") + "\n"));
  CHECK(b.run({"--variants", "smoe", "--help"}) == 0);
  CHECK(contains(b.out(), "Numbers of smoe, for --set NAME=VALUE"));
  CHECK(contains(b.out(), "\n  select.k                  experts per token; a whole number, at least 1 (2)\n"));
  CHECK_FALSE(contains(b.out(), "capacity.factor  "));
  CHECK(b.run({"--version"}) == 0);
  CHECK(contains(b.out(), "compare, gmoe 0."));
}

#if defined(_OPENMP) && defined(__linux__)
TEST_CASE("compare/program: waiting threads give way, unless the environment says how they wait") {
  const bench b;
  // The environment of the program once it works, and how it ends when it is interrupted then.
  const auto environment = [&](const words& variables) {
    std::filesystem::remove_all(b / "kept");
    ::unsetenv("GOMP_SPINCOUNT");
    ::unsetenv("OMP_WAIT_POLICY");
    for (std::size_t i = 0; i < variables.size(); i += 2) ::setenv(variables[i].c_str(), variables[i + 1].c_str(), 1);
    const pid_t child = b.start(bench::tiny(
        {"--variants", "dense,gmoe", "--text", "text.txt", "--steps", "100000", "--runs", "kept", "--threads", "2"}));
    for (int i = 0; i < 20000 && !contains(b.out(), "runs of"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const std::string found = read("/proc/" + std::to_string(child) + "/environ");
    const std::string command = read("/proc/" + std::to_string(child) + "/comm");
    ::kill(child, SIGINT);
    CHECK(bench::wait(child) == 130);
    CHECK(command == "compare\n");
    return found;
  };
  CHECK(contains(environment({}), "GOMP_SPINCOUNT=2000"));
  CHECK(contains(environment({"GOMP_SPINCOUNT", "7"}), "GOMP_SPINCOUNT=7"));
  CHECK_FALSE(contains(environment({"OMP_WAIT_POLICY", "passive"}), "GOMP_SPINCOUNT"));
  ::setenv("OMP_WAIT_POLICY", "passive", 1);  // as for the other tests
}
#endif
