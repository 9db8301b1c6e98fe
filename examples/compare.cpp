// Trains several variants on the same text and compares them: a table, a JSON file, and a report to look at.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "command_line.hpp"
#include "compare/differences.hpp"
#include "compare/groups.hpp"
#include "compare/match.hpp"
#include "compare/report.hpp"
#include "compare/store.hpp"
#include "compare/table.hpp"
#include "fields_json.hpp"
#include "fingerprint.hpp"
#include "gentle_threads.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/split.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/train/interrupt.hpp"
#include "gmoe/train/progress.hpp"
#include "gmoe/version.hpp"
#include "options.hpp"
#include "session/session.hpp"

namespace {

namespace fs = std::filesystem;
using compare::json;
using compare::match_kind;
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
  std::string match = "none";
  gmoe::sizes shape{.experts = 16};
  std::vector<std::string> set;
  gmoe::recipe how;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--variants", a.variants,
                 "variants or groups, such as gmoe,switch or ablations; --list shows them all")
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
  app.add_option("--match", a.match,
                 "equal numbers of parameters: total or active ones as the first variant has them, "
                 "by other numbers of experts or other d-ff; none leaves the sizes alone")
      ->check(CLI::IsMember({"none", "total", "active"}))
      ->capture_default_str();
  app.add_option("--json", a.json_file, "where the results go")->capture_default_str();
  app.add_option("--report", a.report, "where the report goes, an HTML file")->capture_default_str();
  app.add_option("--runs", a.runs, "folder of finished runs: what is in there is not run again; '' keeps none")
      ->capture_default_str();
  app.add_flag("--fresh", a.fresh, "run everything again, whatever the folder of finished runs holds");
  app.add_flag("--verbose", a.verbose,
               "show each variant's card in full and its numbers of parameters before anything is trained");
  app.add_flag("--list", a.list, "print all variants and groups, and stop");
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

/// Every run of the comparison, checked: a mistake shows before the first is trained, not after an hour.
std::vector<compare::run_plan> make_plans(const CLI::App& app, const arguments& a) {
  std::vector<compare::run_plan> plans;
  index_t target = 0;
  const match_kind match = a.match == "total"    ? match_kind::total
                           : a.match == "active" ? match_kind::active
                                                 : match_kind::none;
  gmoe::check_recipe(a.how);
  gmoe::require(a.how.sequence <= a.shape.positions, "sequence = ", a.how.sequence,
                " is longer than positions = ", a.shape.positions);
  const auto number = [&](const examples::parameter_counts& c) {
    return match == match_kind::active ? c.active : c.total;
  };
  const std::vector<std::string> variants = compare::expand(a.variants);
  const examples::settings given = examples::read_settings(a.set);
  examples::refuse_idle_options(app, given, variants);
  for (const std::string& variant : variants) {
    compare::run_plan plan{variant, a.backend,           a.shape,           examples::settings_for(variant, given),
                           a.how,   a.validation_tokens, a.analysis_tokens, nullptr};
    try {
      if (plans.empty()) target = number(examples::count_parameters(variant, plan.shape, plan.card));
      plan.match = compare::match_sizes(plan.shape, match, target, [&](const gmoe::sizes& s) -> std::optional<index_t> {
        try {
          return number(examples::count_parameters(variant, s, plan.card));
        } catch (const gmoe::config_error&) {
          return std::nullopt;
        }
      });
      examples::count_parameters(variant, plan.shape, plan.card);
    } catch (const gmoe::config_error& e) {
      throw gmoe::config_error(gmoe::concat("variant '", variant, "': ", e.what()));
    }
    if (!plan.match.is_null())
      std::printf("%s: %s = %td instead of %td, for %td parameters (%s has %td)\n", variant.c_str(),
                  plan.match["field"].get<std::string>().c_str(), plan.match["to"].get<index_t>(),
                  plan.match["from"].get<index_t>(), plan.match["reached"].get<index_t>(),
                  plans.front().variant.c_str(), target);
    plans.push_back(std::move(plan));
  }
  // Seed by seed, so that what an interruption leaves are whole pairs.
  const std::size_t count = plans.size();
  for (std::size_t i = count; i < count * a.seeds; ++i) {
    plans.push_back(plans[i - count]);
    ++plans.back().how.seed;
  }
  return plans;
}

/// Runs, or takes from the store, all plans; those before an interruption are kept. The unfinished one is thrown away.
std::vector<json> run_all(const std::vector<compare::run_plan>& plans, const compare::split_text& text,
                          const compare::run_store& store, bool fresh) {
  std::vector<json> results;
  const gmoe::interrupt_guard interrupt;
  for (const compare::run_plan& plan : plans) {
    const std::string where =
        gmoe::concat("[", results.size() + 1, "/", plans.size(), "] ", plan.variant, " seed ", plan.how.seed);
    auto result = fresh ? std::nullopt : store.find(plan, text);
    const bool found = result.has_value();
    if (!found) {
      gmoe::progress_line progress(plan.how.steps, where + "  ");
      result = compare::run_variant(
          plan, text, {[&](const gmoe::step_report& r) { progress.show(r); }, [&] { return interrupt.requested(); }});
      store.keep(*result);
    }
    (*result)["match"] = plan.match;
    std::printf("%s: perplexity %.3f, %.0f tokens/s%s\n", where.c_str(), result->at("perplexity").get<double>(),
                result->at("tokens_per_second").get<double>(), found ? " (finished before)" : "");
    std::fflush(stdout);
    results.push_back(std::move(*result));
    if (interrupt.requested() && results.size() < plans.size()) throw compare::interrupted{};
  }
  return results;
}

/// All seeds of the first variant, then all of the second.
std::vector<json> by_variant(std::vector<json> runs) {
  std::vector<std::string> order;
  for (const json& run : runs) order.push_back(run.at("variant"));
  const auto place = [&](const json& run) { return std::find(order.begin(), order.end(), run.at("variant")); };
  std::stable_sort(runs.begin(), runs.end(), [&](const json& a, const json& b) { return place(a) < place(b); });
  return runs;
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

json compare_all(const arguments& a, std::vector<json> runs, const gmoe::corpus& text,
                 const compare::split_text& parts) {
  json comparison{{"format", "gmoe comparison 1"}, {"version", gmoe::version_string}};
  comparison["text"] = {{"path", a.text.string()},
                        {"description", text.describe()},
                        {"fingerprint", parts.fingerprint},
                        {"unigram_entropy", gmoe::unigram_entropy(parts.validation)}};
  comparison["recipe"] = examples::fields_json(a.how);
  comparison["sizes"] = examples::fields_json(a.shape);
  comparison["match"] = a.match;
  comparison["seeds"] = a.seeds;
  comparison["backend"] = a.backend;
  comparison["threads"] = gmoe::cpu<float>::threads();
  comparison["common_blocks"] = compare::add_common_paths(runs);
  comparison["analysis_tokens"] = runs.front().at("analysis_tokens");
  json& about = comparison["variants"] = json::object();
  for (const auto& v : examples::all_variants())
    for (const json& run : runs)
      if (run.at("variant") == v.name)
        about[v.name] = {{"paper", v.paper},
                         {"about", v.about},
                         {"card", run.at("settings").at("card")},
                         {"parts", examples::describe_briefly(
                                       v.name, examples::settings_for(v.name, examples::read_settings(a.set)))}};
  comparison["interval_level"] = compare::interval_level;
  comparison["usual_deviation"] = compare::usual_deviation;
  comparison["differences"] = compare::paired_differences(runs);
  comparison["summary"] = compare::summarize_runs(runs);
  compare::add_verdicts(comparison["summary"], comparison["differences"]);
  for (json& run : runs) run.erase("histogram");
  comparison["runs"] = std::move(runs);
  return comparison;
}

int run(const CLI::App& app, const arguments& a) {
  if (a.list) {
    std::printf("%s", compare::list_text().c_str());
    return 0;
  }
  gmoe::require(!a.text.empty(), "no text was given: --text PATH names a file or a folder");
  const std::vector<compare::run_plan> plans = make_plans(app, a);
  compare::check_writable(a.json_file);
  compare::check_writable(a.report);
  const compare::run_store store(a.runs);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);

  const gmoe::corpus text = gmoe::corpus::read(a.text);
  const auto split = gmoe::split_tokens(text.bytes(), a.how.sequence, a.how.validation_fraction);
  const compare::split_text parts{split.train, split.validation, examples::text_fingerprint(text.bytes())};
  std::printf("%s; %s of %s of %td x %s on %s\n", text.describe().c_str(), plural(std::ssize(plans), "run").c_str(),
              plural(a.how.steps, "step").c_str(), a.how.batch * a.how.accumulation,
              plural(a.how.sequence, "token").c_str(), plural(gmoe::cpu<float>::threads(), "thread").c_str());
  std::fflush(stdout);

  print_cards(plans, a);
  if (const index_t old = store.results_of_version_0_1(); old > 0)
    std::printf("%s of version 0.1 in %s %s not taken over: it kept other numbers\n",
                plural(old, "finished run").c_str(), store.folder().c_str(), old == 1 ? "is" : "are");
  std::fflush(stdout);

  std::vector<json> results;
  try {
    results = run_all(plans, parts, store, a.fresh);
  } catch (const compare::interrupted&) {
    std::fflush(stdout);
    if (store.keeps())
      std::fprintf(stderr, "compare: interrupted; finished runs are kept in %s, the same command continues\n",
                   store.folder().c_str());
    else
      std::fprintf(stderr, "compare: interrupted; nothing was kept, since --runs is empty\n");
    return 130;
  }
  const json comparison = compare_all(a, by_variant(std::move(results)), text, parts);
  gmoe::atomic_write(a.json_file, comparison.dump(1) + "\n");
  gmoe::atomic_write(a.report, compare::report_html(comparison));
  std::printf("\n%s\nresults: %s\nreport:  %s\n", compare::tables(comparison).c_str(),
              fs::absolute(a.json_file).c_str(), fs::absolute(a.report).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  CLI::App app{"Trains several mixture-of-experts language models on the same text and compares them."};
  app.get_formatter()->column_width(36);
  arguments a;
  add_options(app, a);
  const auto ended = examples::read_model_command_line(
      app, argc, argv,
      "  compare --text book.txt\n"
      "  compare --text book.txt --variants gmoe,switch,dense --seeds 3 --set balance.alpha=0.02\n"
      "  compare --text books/ --variants ablations --match total --steps 2000\n"
      "  compare --list\n",
      "backends " + examples::together(examples::compiled_backends()), "--variants");
  if (ended) return *ended;
  try {
    return run(app, a);
  } catch (const examples::usage_error& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "compare: %s\n", e.what());
    return examples::usage_status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "compare: %s\n", e.what());
    return 1;
  }
}
