// Puts questions with choices to a saved model, and counts how often it finds the right one likeliest.

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "gentle_threads.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "session/session.hpp"
#include "task_score.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct arguments {
  std::string backend = "eigen", by = "sum";
  fs::path checkpoint, json_file;
  std::vector<fs::path> tasks;
  int threads = 0;
  examples::task_options task;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--checkpoint", a.checkpoint,
                 "a training checkpoint, or a folder of train, whose checkpoint.safetensors is taken")
      ->required();
  app.add_option(
         "--tasks", a.tasks,
         "a file of questions, any number of them: JSON lines as BLiMP, ARC, HellaSwag, PIQA, OpenBookQA and RACE "
         "have them, or {\"context\": TEXT, \"choices\": [TEXT, ...], \"label\": 0}")
      ->required();
  app.add_option("--by", a.by, "what choices are compared by: log-likelihood as it is, per token, or per byte")
      ->check(CLI::IsMember({"sum", "token", "byte"}))
      ->capture_default_str();
  app.add_option(
         "--shots", a.task.shots,
         "examples with their answers before every question: the first questions of the file, which are not asked")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--shots-from", a.task.shots_from, "a file to take the examples from instead");
  app.add_option("--separator", a.task.separator, "stands before every example and question (default: a line feed)");
  app.add_option("--context", a.task.how.positions,
                 "positions to use; what does not fit is cut from the start; 0: as many as were trained on")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", a.task.how.batch, "choices that are computed together")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--json", a.json_file, "write every number to this file too");
  app.add_option("--backend", a.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(examples::compiled_backends()))
      ->capture_default_str();
  app.add_option("--threads", a.threads, "threads; 0 takes all cores")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

/// What the command line asks for, if it can be.
void check_arguments(const CLI::App& app, arguments& a) {
  using examples::usage_error;
  gmoe::require<usage_error>(app.get_option("--shots-from")->count() == 0 || a.task.shots > 0,
                             "--shots-from needs --shots, the number of examples to take");
  gmoe::require<usage_error>(!a.task.separator.empty(),
                             "--separator is empty, expected a text: it stands before the first token too");
  std::set<fs::path> names;
  for (const fs::path& file : a.tasks)
    gmoe::require<usage_error>(names.insert(file.stem()).second, "--tasks has two files named ",
                               gmoe::in_quotes(file.stem().string()),
                               ", expected different names: results are counted under them");
  gmoe::from_text(a.by, a.task.rule);
}

void print_line(const std::string& name, int width, const gmoe::accuracy& a) {
  std::printf("%-*s  %9lld  %7lld  %6.1f %%  %5.1f to %5.1f %%\n", width, name.c_str(),
              static_cast<long long>(a.questions), static_cast<long long>(a.right), 100 * a.share, 100 * a.low,
              100 * a.high);
}

void print_table(const examples::task_accuracies& found) {
  std::size_t width = 8;
  for (const auto& [name, a] : found.tasks) width = std::max(width, gmoe::printable(name).size());
  const int w = static_cast<int>(width);
  std::printf("%-*s  %9s  %7s  %8s  %s\n", w, "task", "questions", "right", "accuracy", "95 % interval");
  for (const auto& [name, a] : found.tasks) print_line(gmoe::printable(name), w, a);
  if (found.tasks.size() > 1) print_line("over all", w, found.all);
}

json results_json(const gmoe::checkpoint_header& h, const arguments& a, const examples::task_accuracies& found,
                  const std::vector<examples::question_result>& results) {
  json all{{"format", 1},
           {"version", gmoe::version_string},
           {"variant", h.variant},
           {"step", h.step},
           {"by", a.by},
           {"shots", a.task.shots},
           {"separator", a.task.separator},
           {"context", a.task.how.positions},
           {"tasks", json::array()},
           {"all", examples::accuracy_json(found.all)},
           {"questions", json::array()}};
  for (const auto& [name, accuracy] : found.tasks) {
    all["tasks"].push_back(examples::accuracy_json(accuracy));
    all["tasks"].back()["task"] = name;
  }
  for (const examples::question_result& r : results) {
    json q{{"task", r.question->task},
           {"answer", r.question->answer},
           {"likeliest", r.likeliest},
           {"right", r.right},
           {"cut", r.cut},
           {"choices", json::array()}};
    for (const gmoe::choice_likelihood& c : r.choices)
      q["choices"].push_back({{"log_likelihood", c.sum}, {"tokens", c.tokens}, {"bytes", c.bytes}});
    all["questions"].push_back(std::move(q));
  }
  return all;
}

int run(const CLI::App& app, arguments a) {
  check_arguments(app, a);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);
  if (fs::is_directory(a.checkpoint)) a.checkpoint /= "checkpoint.safetensors";
  const gmoe::checkpoint_header h = examples::check_checkpoint(a.checkpoint);
  gmoe::require(h.shape.vocab == 256, a.checkpoint.string(), " is of a model with a vocabulary of ", h.shape.vocab,
                ", expected 256: bytes");
  gmoe::index_t& context = a.task.how.positions;
  if (context == 0) context = h.how.sequence;
  gmoe::require(context <= h.shape.positions, "--context is ", context, ", but the model has ", h.shape.positions,
                " positions");
  const std::vector<examples::task_set> sets = examples::read_tasks(a.tasks, a.task);
  std::size_t questions = 0;
  for (const examples::task_set& set : sets) questions += set.questions.size();

  const auto session = examples::make_session({.variant = h.variant,
                                               .backend = a.backend,
                                               .shape = h.shape,
                                               .card = examples::numbers_in(h),
                                               .how = h.how,
                                               .train = {},
                                               .validation = {},
                                               .text_fingerprint = "",
                                               .only_model = true});
  session->load(a.checkpoint);
  std::printf("%s after %lld of %lld steps; choices by %s%s, %s before each question, %lld positions\n",
              h.variant.c_str(), static_cast<long long>(h.step), static_cast<long long>(h.how.steps),
              a.by == "sum" ? "log-likelihood" : "log-likelihood per ", a.by == "sum" ? "" : a.by.c_str(),
              examples::plural(a.task.shots, "example").c_str(), static_cast<long long>(context));
  std::fflush(stdout);
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto results = examples::ask_all(*session, sets, a.task, [&](std::size_t done) {
    if (terminal) std::fprintf(stderr, "\r\033[K%zu of %zu questions", done, questions);
  });
  if (terminal) std::fprintf(stderr, "\r\033[K");

  const examples::task_accuracies found = examples::measure_accuracies(results);
  print_table(found);
  const auto cut = std::count_if(results.begin(), results.end(), [](const auto& r) { return r.cut; });
  if (cut > 0)
    std::printf("%s did not fit into %lld positions: the start of what stands before the choices was cut\n",
                examples::plural(cut, "question").c_str(), static_cast<long long>(context));
  if (!a.json_file.empty()) gmoe::atomic_write(a.json_file, results_json(h, a, found, results).dump(1) + "\n");
  gmoe::require<gmoe::file_error>(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "could not write the results");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  CLI::App app{"Puts questions with choices to a saved model: how often is the right one the likeliest?"};
  app.get_formatter()->column_width(36);
  arguments a;
  add_options(app, a);
  const auto ended =
      examples::read_command_line(app, argc, argv,
                                  "  score --checkpoint runs/gmoe --tasks pairs.jsonl\n"
                                  "  score --checkpoint runs/gmoe --tasks arc.jsonl piqa.jsonl --by byte --shots 5\n",
                                  "backends " + examples::together(examples::compiled_backends()));
  if (ended) return *ended;
  try {
    return run(app, a);
  } catch (const examples::usage_error& e) {
    std::fprintf(stderr, "score: %s\n", e.what());
    return examples::usage_status;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "score: there is not enough memory for this model\n");
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "score: %s\n", e.what());
    return 1;
  }
}
