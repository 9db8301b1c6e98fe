// What the paths of a saved model's choices are worth: how alike its layers choose, what it loses if other experts run
// than those that it asks, and how many paths are enough.

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "fingerprint.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/version.hpp"
#include "saved_model.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct arguments {
  std::string backend = "eigen", what = "sets";
  fs::path checkpoint, text, record, json_file;
  int threads = 0;
  gmoe::index_t most_tokens = 0;
  examples::probe_options how;

  arguments() { how.sequence = 0; }
};

const std::map<std::string, gmoe::path_of> kinds{{"sets", gmoe::path_of::sets},
                                                 {"first", gmoe::path_of::first_choices}};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--checkpoint", a.checkpoint, examples::checkpoint_help)->required();
  app.add_option("--validate", a.text, "the text that is evaluated: a file, or a folder of files")->required();
  app.add_option("--record", a.record,
                 "the text whose paths are allowed (default: the first half of --validate, whose second half is "
                 "evaluated then)");
  app.add_option("--paths", a.how.paths, "so many of the most frequent paths are allowed")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--path-of", a.what, "a step of a path is the set of the experts that a token asks, or the first one")
      ->check(CLI::IsMember({"sets", "first"}))
      ->capture_default_str();
  app.add_option("--shuffles", a.how.shuffles, "random orders of the experts that are tried; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", a.how.seed, "of these orders")->capture_default_str();
  app.add_option("--tokens", a.most_tokens, "how many tokens of each text to read at most; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--context", a.how.sequence, "positions to use; 0: as many as were trained on")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", a.how.batch, "sequences that are computed together")
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

/// No more than so many tokens, and the one that follows them; 0: all.
std::span<const std::uint8_t> front_of(std::span<const std::uint8_t> text, gmoe::index_t tokens) {
  const auto most = static_cast<std::size_t>(tokens) + 1;
  return tokens == 0 || text.size() < most ? text : text.first(most);
}

double ratio(const gmoe::evaluation& other, const gmoe::evaluation& whole) { return std::exp(other.loss - whole.loss); }

void print_consistency(const char* naming, const examples::consistency_report& c) {
  std::printf("%-24s  %8.1f %%  %7.1f %%  ", naming, 100 * c.mean, 100 * c.by_chance);
  for (const double j : c.by_layer) std::printf(" %3.0f", 100 * j);
  std::printf("\n");
}

void print_report(const examples::probe_report& found) {
  if (!found.within_layer.empty()) {
    std::printf("\n%-24s  %10s  %9s  %s\n", "same experts one layer on", "mean", "by chance", "layer by layer, %");
    print_consistency("by number in the layer", found.within_layer.front());
    if (!found.global.empty()) print_consistency("by expert", found.global.front());
  }
  if (!found.shuffled.empty()) {
    std::printf("\n%-24s  %10s  %s\n", "experts in random order", "perplexity", "times as much");
    for (const gmoe::evaluation& e : found.shuffled)
      std::printf("%-24s  %10.4f  %.4g\n", "", e.perplexity(), ratio(e, found.whole));
  }
  if (!found.no_paths.empty()) std::printf("\nno paths to allow: %s\n", found.no_paths.c_str());
  if (found.rows.empty()) return;
  std::printf("\n%-24s  %10s  %13s  %12s\n", "most frequent paths", "perplexity", "times as much", "tokens on it");
  for (const examples::paths_row& row : found.rows)
    std::printf("%-24s  %10.4f  %13.4g  %10.1f %%\n", gmoe::concat(row.allowed, " of ", found.recorded_paths).c_str(),
                row.loss.perplexity(), ratio(row.loss, found.whole), 100 * row.on_them);
}

json consistency_json(const examples::consistency_report& c) {
  return {{"mean", c.mean}, {"by_chance", c.by_chance}, {"by_layer", c.by_layer}};
}
json loss_json(const gmoe::evaluation& e, const gmoe::evaluation& whole) {
  return {{"loss", e.loss}, {"perplexity", e.perplexity()}, {"ratio", ratio(e, whole)}};
}

json results_json(const examples::saved_model& saved, const arguments& a, const examples::probe_report& found) {
  json all{{"format", 1},
           {"version", gmoe::version_string},
           {"variant", saved.variant},
           {"official", saved.official},
           {"step", saved.official ? json(nullptr) : json(saved.step)},
           {"context", a.how.sequence},
           {"path_of", a.what},
           {"seed", a.how.seed},
           {"recorded", examples::text_fingerprint(a.how.recorded)},
           {"text", examples::text_fingerprint(a.how.text)},
           {"tokens", found.whole.tokens},
           {"layers", found.layers},
           {"perplexity", found.whole.perplexity()},
           {"recorded_paths", found.recorded_paths},
           {"shuffled", json::array()},
           {"paths", json::array()}};
  if (!found.within_layer.empty()) all["consistency"]["within_layer"] = consistency_json(found.within_layer.front());
  if (!found.global.empty()) all["consistency"]["global"] = consistency_json(found.global.front());
  if (!found.no_paths.empty()) all["no_paths"] = found.no_paths;
  for (const gmoe::evaluation& e : found.shuffled) all["shuffled"].push_back(loss_json(e, found.whole));
  for (const examples::paths_row& row : found.rows) {
    json& one = all["paths"].emplace_back(loss_json(row.loss, found.whole));
    one["allowed"] = row.allowed;
    one["tokens_on_them"] = row.on_them;
    one["recorded_on_them"] = row.recorded;
  }
  return all;
}

int run(const CLI::App&, arguments a) {
  a.how.what = kinds.at(a.what);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);
  const examples::saved_model saved = examples::open_model(a.checkpoint, a.backend);
  gmoe::require(saved.shape().vocab == 256, a.checkpoint.string(), " is of a model with a vocabulary of ",
                saved.shape().vocab, ", expected 256: bytes");
  if (a.how.sequence == 0) a.how.sequence = saved.sequence;
  gmoe::require(a.how.sequence <= saved.shape().positions, "--context is ", a.how.sequence, ", but the model has ",
                saved.shape().positions, " positions");
  const gmoe::corpus text = gmoe::corpus::read(a.text);
  std::optional<gmoe::corpus> recorded;
  if (!a.record.empty()) recorded = gmoe::corpus::read(a.record);
  const std::size_t half = recorded ? 0 : text.bytes().size() / 2;
  a.how.recorded = front_of(recorded ? recorded->bytes() : text.bytes().first(half), a.most_tokens);
  a.how.text = front_of(text.bytes().subspan(half), a.most_tokens);
  gmoe::require<gmoe::data_error>(a.how.recorded.size() >= 2 && a.how.text.size() >= 2, "the texts have ",
                                  a.how.recorded.size(), " and ", a.how.text.size(),
                                  " bytes to record and to evaluate, expected at least 2 each");

  const examples::probe_report found = saved.model->probe_paths(a.how);
  std::printf("%s; perplexity %.4f on %s, paths through %s\n", saved.state.c_str(), found.whole.perplexity(),
              examples::plural(found.whole.tokens, "token").c_str(),
              examples::plural(found.layers, "routed layer").c_str());
  print_report(found);
  if (!a.json_file.empty()) gmoe::atomic_write(a.json_file, results_json(saved, a, found).dump(1) + "\n");
  gmoe::require<gmoe::file_error>(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "could not write the results");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program<arguments>(
      argc, argv,
      []() -> examples::program_text {
        return {.about =
                    "What are the paths of a saved model's choices worth? How alike do its layers choose, what does "
                    "it lose if other experts run than those that it asks, and how many paths are enough?",
                .uses =
                    "  paths --checkpoint runs/path-moe --validate text.txt\n"
                    "  paths --checkpoint runs/gmoe --record train.txt --validate text.txt --paths 100,1000 --json "
                    "p.json\n",
                .parts = "backends " + examples::together(examples::compiled_backends())};
      },
      add_options, run);
}
