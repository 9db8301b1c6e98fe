// Puts questions with choices to a saved model, and counts how often it finds the right one likeliest.

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/version.hpp"
#include "saved_model.hpp"
#include "task_score.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct arguments {
  std::string backend = "eigen";
  fs::path checkpoint, json_file;
  int threads = 0;
  examples::task_options task;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--checkpoint", a.checkpoint, examples::checkpoint_help)->required();
  examples::add_task_options(
      app, a.task,
      "; for models whose tokens are no bytes {\"context_tokens\": [ID, ...], \"choice_tokens\": [[ID, ...], ...], "
      "\"label\": 0}");
  app.get_option("--tasks")->required();
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

json results_json(const examples::saved_model& saved, const arguments& a, const examples::task_accuracies& found,
                  const std::vector<examples::question_result>& results) {
  json all{{"format", 1},
           {"version", gmoe::version_string},
           {"variant", saved.variant},
           {"official", saved.official},
           {"step", saved.official ? json(nullptr) : json(saved.step)},
           {"by", a.task.by},
           {"shots", a.task.shots},
           {"separator", a.task.separator},
           {"context", a.task.how.positions},
           {"tasks", json::array()},
           {"all", examples::accuracy_json(found.all)},
           {"questions", examples::questions_json(results)}};
  for (const auto& [name, accuracy] : found.tasks) {
    all["tasks"].push_back(examples::accuracy_json(accuracy));
    all["tasks"].back()["task"] = name;
  }
  return all;
}

int run(const CLI::App& app, arguments a) {
  examples::check_task_options(app, a.task);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);
  const examples::saved_model saved = examples::open_model(a.checkpoint, a.backend);
  gmoe::index_t& context = a.task.how.positions;
  if (context == 0) context = saved.sequence;
  gmoe::require(context <= saved.shape().positions, "--context is ", context, ", but the model has ",
                saved.shape().positions, " positions");
  const std::vector<examples::task_set> sets = examples::read_tasks(a.task, saved.shape().vocab);
  std::size_t questions = 0;
  for (const examples::task_set& set : sets) questions += set.questions.size();

  std::printf("%s; choices by %s%s, %s before each question, %lld positions\n", saved.state.c_str(),
              a.task.by == "sum" ? "log-likelihood" : "log-likelihood per ",
              a.task.by == "sum" ? "" : a.task.by.c_str(), examples::plural(a.task.shots, "example").c_str(),
              static_cast<long long>(context));
  std::fflush(stdout);
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto results = examples::ask_all(*saved.model, sets, a.task, [&](std::size_t done) {
    if (terminal) std::fprintf(stderr, "\r\033[K%zu of %zu questions", done, questions);
  });
  if (terminal) std::fprintf(stderr, "\r\033[K");

  const examples::task_accuracies found = examples::measure_accuracies(results);
  print_table(found);
  const auto cut = std::count_if(results.begin(), results.end(), [](const auto& r) { return r.cut; });
  if (cut > 0)
    std::printf("%s did not fit into %lld positions: the start of what stands before the choices was cut\n",
                examples::plural(cut, "question").c_str(), static_cast<long long>(context));
  if (!a.json_file.empty()) gmoe::atomic_write(a.json_file, results_json(saved, a, found, results).dump(1) + "\n");
  gmoe::require<gmoe::file_error>(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "could not write the results");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program<arguments>(
      argc, argv,
      []() -> examples::program_text {
        return {.about = "Puts questions with choices to a saved model: how often is the right one the likeliest?",
                .uses =
                    "  score --checkpoint runs/gmoe --tasks pairs.jsonl\n"
                    "  score --checkpoint runs/gmoe --tasks arc.jsonl piqa.jsonl --by byte --shots 5\n"
                    "  score --checkpoint published/ --tasks tokens.jsonl\n",
                .parts = "backends " + examples::together(examples::compiled_backends())};
      },
      add_options, run);
}
