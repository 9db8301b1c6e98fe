// Trains several variants on the same text and compares them: a table, a JSON file, and a report to look at.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "command_line.hpp"
#include "compare/comparison.hpp"
#include "compare/groups.hpp"
#include "compare/planning.hpp"
#include "compare/provenance.hpp"
#include "compare/report.hpp"
#include "compare/store.hpp"
#include "compare/table.hpp"
#include "compare/tasks.hpp"
#include "compare/unfinished.hpp"
#include "fields_json.hpp"
#include "fingerprint.hpp"
#include "further_texts.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/counting_models.hpp"
#include "gmoe/data/mapped_file.hpp"
#include "gmoe/data/split.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/train/interrupt.hpp"
#include "gmoe/train/progress.hpp"
#include "gmoe/version.hpp"
#include "options.hpp"
#include "session/session.hpp"

namespace {

namespace fs = std::filesystem;
using compare::json;
using examples::plural;
using gmoe::index_t;

struct arguments {
  std::vector<std::string> variants{"paper"};
  std::string backend = "eigen";
  fs::path text, json_file = "runs/comparison/results.json", report = "runs/comparison/report.html",
                 runs = "runs/comparison/finished";
  bool list = false, fresh = false, verbose = false;
  int threads = 0;
  std::uint64_t seeds = 3;
  index_t validation_tokens = 131072, analysis_tokens = 32768;
  std::string equal = "tokens", dense = "matched";
  std::vector<std::string> validate;
  std::vector<fs::path> merge;
  gmoe::sizes shape{.experts = 16};
  std::vector<std::string> set;
  gmoe::recipe how;
  examples::task_options task;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--variants", a.variants,
                 "variants or groups, such as gmoe,switch or ablations,group:pools; --list shows them all")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--backend", a.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(examples::compiled_backends()))
      ->capture_default_str();
  app.add_option("--text", a.text, "a file, or a folder whose files are read one after another, as bytes");
  app.add_option(
         "--seeds", a.seeds,
         "runs per variant, with seeds --seed, --seed + 1, ...; variants are compared in pairs of the same seed, and "
         "one seed cannot tell a difference from noise")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option(
         "--equal", a.equal,
         "what all variants have as much of as the first one: tokens, counted operations or seconds of training "
         "(by other numbers of steps), all or active parameters (by other numbers of experts or another d-ff)")
      ->check(CLI::IsMember(compare::equality_names()))
      ->capture_default_str();
  app.add_option(
         "--dense", a.dense,
         "matched: the variant dense is always there, as a baseline with as many active parameters as the first "
         "variant, by another d-ff; plain: it is a variant like others")
      ->check(CLI::IsMember({"matched", "plain"}))
      ->capture_default_str();
  app.add_option("--validate", a.validate,
                 "NAME=PATH, any number of them: further texts to measure the loss on, a column each");
  examples::add_task_options(app, a.task, "; every finished run is asked them");
  app.add_option(
      "--merge", a.merge,
      "results of earlier comparisons of the same text, sizes and recipe: nothing is trained, they are shown as "
      "one");
  app.add_option(
         "--json", a.json_file,
         "where the results go; a .csv of all runs is put beside it. With --list, which needs no file: the list "
         "as JSON")
      ->expected(0, 1)
      ->capture_default_str();
  app.add_option("--report", a.report, "where the report goes, an HTML file")->capture_default_str();
  app.add_option("--runs", a.runs, "folder of finished runs: what is in there is not run again; '' keeps none")
      ->capture_default_str();
  app.add_flag("--fresh", a.fresh, "run everything again, whatever the folder of finished runs holds");
  app.add_flag("--verbose", a.verbose,
               "show each variant's card in full and its numbers of parameters before anything is trained");
  app.add_flag("--list", a.list, "print all variants by the question that moves, and groups, and stop");
  app.add_option("--threads", a.threads, "threads; 0 takes all cores")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--validation-tokens", a.validation_tokens,
                 "tokens of the last evaluation; 0: the whole validation text")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--analysis-tokens", a.analysis_tokens,
                 "validation tokens whose routing is measured; 0: the whole validation text")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  examples::add_size_options(app, a.shape, a.set, {"vocab"});
  examples::add_recipe_options(app, a.how);
}

/// Runs, or takes from the store, all plans; what an interruption leaves is kept, the unfinished run included.
std::vector<json> run_all(const std::vector<compare::run_plan>& plans, const compare::split_text& text,
                          const compare::run_store& store, bool fresh) {
  std::vector<json> results;
  const gmoe::interrupt_guard interrupt;
  for (const compare::run_plan& plan : plans) {
    const std::string where =
        gmoe::concat("[", results.size() + 1, "/", plans.size(), "] ", plan.variant, " seed ", plan.how.seed);
    auto result = fresh ? std::nullopt : store.find(plan, text);
    const bool found = result.has_value();
    std::string note = found ? " (finished before)" : "";
    if (!found) {
      const compare::unfinished_run unfinished(store.unfinished(), plan.settings(text));
      if (fresh) unfinished.forget();
      gmoe::progress_line progress(plan.how.steps, where + "  ");
      result = compare::run_variant(
          plan, text,
          {[&](const gmoe::step_report& r) { progress.show(r); }, [&] { return interrupt.requested(); }, &unfinished,
           [&](std::int64_t step) { note = gmoe::concat(" (continued at step ", step, ")"); }});
      store.keep(*result);
      unfinished.forget();
    }
    (*result)["match"] = plan.match;
    std::printf("%s: perplexity %.3f, %.0f tokens/s%s\n", where.c_str(), result->at("perplexity").get<double>(),
                result->at("tokens_per_second").get<double>(), note.c_str());
    std::fflush(stdout);
    results.push_back(std::move(*result));
    if (interrupt.requested() && results.size() < plans.size()) throw compare::interrupted{};
  }
  return results;
}

/// What each variant is made of: in a few lines, or in full.
void print_cards(const std::vector<compare::run_plan>& plans, const arguments& a) {
  for (const compare::run_plan& plan : plans) {
    if (plan.how.seed != a.how.seed) continue;
    const std::string text = a.verbose ? examples::describe(plan.variant, plan.shape, plan.card)
                                       : examples::numbers_text(plan.variant, plan.card);
    std::printf(a.verbose ? "%s" : "  %s\n", a.verbose      ? text.c_str()
                                             : text.empty() ? plan.variant.c_str()
                                                            : gmoe::concat(plan.variant, ": ", text).c_str());
  }
}

/// What is asked, and who cannot be.
void print_tasks(const compare::asked_tasks& tasks, const std::vector<std::string>& variants) {
  std::ptrdiff_t questions = 0;
  for (const examples::task_set& set : tasks.sets) questions += std::ssize(set.questions);
  std::printf("every run is asked %s of %s at its end\n", plural(questions, "question").c_str(),
              plural(std::ssize(tasks.sets), "file").c_str());
  for (const std::string& variant : variants)
    if (const std::string obstacle = examples::likelihood_obstacle(variant); !obstacle.empty())
      std::printf("  %s cannot be asked: %s\n", variant.c_str(), obstacle.c_str());
}

/// What models reach that only count, on the tokens that all runs are measured on.
json floors(const compare::split_text& text, index_t tokens) {
  const auto measured = text.validation.first(static_cast<std::size_t>(tokens + 1));
  const gmoe::counting_losses losses = gmoe::measure_counting_models(text.train, measured);
  return {{"unigram", losses.unigram}, {"bigram", losses.bigram}};
}

json compare_all(const arguments& a, std::vector<json> runs, const gmoe::corpus& text, const compare::split_text& parts,
                 json provenance) {
  json head{{"format", compare::comparison_format}, {"version", gmoe::version_string}};
  const fs::path path = fs::absolute(a.text);
  head["text"] = {{"path", (path.has_filename() ? path : path.parent_path()).filename().string()},
                  {"description", text.describe()},
                  {"fingerprint", parts.fingerprint},
                  {"unigram_entropy", gmoe::unigram_entropy(parts.validation)}};
  head["texts"] = runs.front().at("settings").at("texts");
  head["recipe"] = examples::fields_json(a.how);
  head["sizes"] = examples::fields_json(a.shape);
  head["equal"] = a.equal;
  head["dense"] = a.dense;
  head["floors"] = floors(parts, runs.front().at("validation_tokens").get<index_t>());
  head["provenance"] = json::array({std::move(provenance)});
  head["common_blocks"] = compare::add_common_paths(runs);
  head["analysis_tokens"] = runs.front().at("analysis_tokens");
  json& about = head["variants"] = json::object();
  for (const auto& v : examples::all_variants())
    for (const json& run : runs)
      if (run.at("variant") == v.name)
        about[v.name] = {{"paper", v.paper},
                         {"about", v.about},
                         {"card", run.at("settings").at("card")},
                         {"parts", examples::describe_briefly(
                                       v.name, examples::settings_for(v.name, examples::read_settings(a.set)))}};
  head["tasks"] = nullptr;
  if (const json& settings = runs.front().at("settings"); settings.contains("tasks")) {
    head["tasks"] = settings["tasks"];
    head["tasks"]["intervals"] = compare::interval_kinds();
  }
  for (json& run : runs) {
    run.erase("histogram");
    run.erase("questions");
  }
  return compare::assemble(std::move(head), std::move(runs));
}

/// Writes what there is to see of a comparison, once all of it is made, and shows its tables.
void write_all(const arguments& a, const json& comparison) {
  const std::string csv = compare::csv_text(comparison), report = compare::report_html(comparison),
                    tables = compare::tables(comparison);
  const fs::path csv_file = fs::path(a.json_file).replace_extension(".csv");
  gmoe::atomic_write(a.json_file, comparison.dump(1) + "\n");
  gmoe::atomic_write(csv_file, csv);
  gmoe::atomic_write(a.report, report);
  std::printf("\n%s\nresults: %s\n         %s\nreport:  %s\n", tables.c_str(), fs::absolute(a.json_file).c_str(),
              fs::absolute(csv_file).c_str(), fs::absolute(a.report).c_str());
}

/// --merge: earlier results as one comparison.
int merge_results(const arguments& a) {
  constexpr gmoe::json_limits limits{.bytes = std::size_t{256} << 20, .depth = 32};
  std::vector<json> comparisons;
  std::vector<std::string> names;
  for (const fs::path& path : a.merge) {
    names.push_back(gmoe::in_quotes(path.string(), 4096));
    const gmoe::mapped_file file(path);
    const auto bytes = file.bytes();
    comparisons.push_back(
        gmoe::parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, names.back(), limits));
    gmoe::require<gmoe::file_error>(
        comparisons.back().is_object() && comparisons.back().value("format", "") == compare::comparison_format,
        names.back(), " is no result of this version of compare, whose format is \"", compare::comparison_format, '"');
  }
  try {
    write_all(a, compare::merge(comparisons, names));
  } catch (const json::exception& e) {
    throw gmoe::file_error(gmoe::concat("one of ", examples::together(names), " is not whole: ", e.what()));
  }
  return 0;
}

/// --json without a file.
bool names_no_file(const std::vector<std::string>& words) {
  const auto json_at = std::find(words.begin(), words.end(), "--json");
  return json_at != words.end() && (json_at + 1 == words.end() || json_at[1].starts_with("--"));
}

int run(const CLI::App& app, const arguments& a, const std::vector<std::string>& words) {
  if (a.list) {
    if (!examples::given(app, "--json"))
      std::printf("%s", compare::list_text().c_str());
    else if (const std::string list = compare::list_json().dump(1) + "\n"; names_no_file(words))
      std::printf("%s", list.c_str());
    else
      gmoe::atomic_write(a.json_file, list);
    return 0;
  }
  if (names_no_file(words)) throw examples::usage_error("--json has no value, expected a text");
  if (!a.merge.empty()) {
    compare::check_writable(a.json_file);
    compare::check_writable(a.report);
    return merge_results(a);
  }
  gmoe::require(!a.text.empty(), "no text was given: --text PATH names a file or a folder");
  examples::check_task_options(app, a.task);
  compare::comparison_request request{.variants = compare::expand(a.variants),
                                      .settings = examples::read_settings(a.set),
                                      .equal = compare::equality_named(a.equal),
                                      .dense_baseline = a.dense == "matched",
                                      .seeds = a.seeds,
                                      .start = {.variant = "",
                                                .backend = a.backend,
                                                .shape = a.shape,
                                                .how = a.how,
                                                .validation_tokens = a.validation_tokens,
                                                .analysis_tokens = a.analysis_tokens}};
  examples::refuse_idle_options(app, request.settings, request.variants);
  // Mistakes show before anything is read, written or timed.
  const auto no_clock = [](const compare::run_plan&) { return 1.0; };
  compare::make_plans(request, no_clock);
  std::optional<compare::asked_tasks> tasks;
  if (!a.task.files.empty()) tasks = compare::read_asked(a.task, a.shape, a.how);
  compare::check_writable(a.json_file);
  compare::check_writable(a.report);
  const compare::run_store store(a.runs);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);

  const gmoe::corpus text = gmoe::corpus::read(a.text);
  const auto split = gmoe::split_tokens(text.bytes(), a.how.sequence, a.how.validation_fraction);
  const std::vector<examples::further_text> others = examples::read_further_texts(a.validate);
  compare::split_text parts{
      split.train, split.validation, examples::text_fingerprint(text.bytes()), {}, tasks ? &*tasks : nullptr};
  for (const examples::further_text& o : others) parts.others.push_back({o.name, o.text.bytes(), o.fingerprint()});
  const std::vector<compare::run_plan> plans =
      compare::make_plans(request, [&](const compare::run_plan& p) { return store.seconds_per_step(p, parts); });
  std::printf("%s; %s of %s of %td x %s on %s\n", text.describe().c_str(), plural(std::ssize(plans), "run").c_str(),
              plural(a.how.steps, "step").c_str(), a.how.batch * a.how.accumulation,
              plural(a.how.sequence, "token").c_str(), plural(gmoe::cpu<float>::threads(), "thread").c_str());
  for (const compare::run_plan& plan : plans)
    if (plan.how.seed == a.how.seed) std::printf("%s", compare::match_text(plan).c_str());
  std::fflush(stdout);

  print_cards(plans, a);
  if (tasks) print_tasks(*tasks, request.variants);
  if (const index_t old = store.earlier_results(); old > 0)
    std::printf("%s of an earlier version in %s %s not taken over: it kept other numbers\n",
                plural(old, "finished run").c_str(), store.folder().c_str(), old == 1 ? "is" : "are");
  std::fflush(stdout);

  std::vector<json> results;
  try {
    results = run_all(plans, parts, store, a.fresh);
  } catch (const compare::interrupted&) {
    std::fflush(stdout);
    if (store.keeps())
      std::fprintf(stderr,
                   "compare: interrupted; finished runs are kept in %s, the same command continues where it stopped\n",
                   store.folder().c_str());
    else
      std::fprintf(stderr, "compare: interrupted; nothing was kept, since --runs is empty\n");
    return 130;
  }
  write_all(a, compare_all(a, std::move(results), text, parts, compare::provenance("compare", words, a.backend)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program<arguments>(
      argc, argv,
      []() -> examples::program_text {
        return {.about = "Trains several mixture-of-experts language models on the same text and compares them.",
                .uses =
                    "  compare --text book.txt\n"
                    "  compare --text book.txt --variants gmoe,switch,dense --seeds 3 --set balance.alpha=0.02\n"
                    "  compare --text books/ --variants ablations --equal parameters --steps 2000\n"
                    "  compare --text book.txt --validate news=news.txt --validate code=src/\n"
                    "  compare --text book.txt --tasks pairs.jsonl arc.jsonl --by byte --shots 5\n"
                    "  compare --merge here.json there.json\n"
                    "  compare --text book.txt --variants smoe,group:pools\n"
                    "  compare --list\n"
                    "  compare --list --json\n",
                .parts = "backends " + examples::together(examples::compiled_backends()),
                .too_large = "one of these models and its batches",
                .extras = examples::variant_extras("--variants")};
      },
      add_options,
      [&](const CLI::App& app, const arguments& a) {
        return run(app, a, {argv + 1, argv + argc});
      });
}
