// What a saved model loses if only a part of its experts fits into memory: with similar experts in the place of the
// absent ones, and without.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
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
  std::string backend = "eigen";
  fs::path checkpoint, text, record, json_file;
  int threads = 0;
  gmoe::index_t most_tokens = 0;
  examples::budget_options how;

  arguments() {
    how.budgets = {0.25, 0.5, 0.75, 1};
    how.sequence = 0;
  }
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--checkpoint", a.checkpoint, examples::checkpoint_help)->required();
  app.add_option("--validate", a.text, "the text that perplexities are of: a file, or a folder of files")->required();
  app.add_option("--record", a.record,
                 "the text whose routing says which experts stay and who is whose buddy (default: the first half of "
                 "--validate, whose second half is evaluated then)");
  app.add_option("--budget", a.how.budgets, "shares of the experts that are in memory, each above 0 and at most 1")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--alpha", a.how.alpha,
                 "an expert's buddies by routing are the fewest that were asked together with it in this share of all "
                 "cases, above 0 and at most 1")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--renormalise", a.how.renormalise,
               "the weights of a token that loses a pair sum up to what they did before");
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

void check_share(const char* option, double share) {
  if (share > 1) throw examples::usage_error(gmoe::concat(option, " is ", share, ", expected at most 1"));
}

/// No more than so many tokens, and the one that follows them; 0: all.
std::span<const std::uint8_t> front_of(std::span<const std::uint8_t> text, gmoe::index_t tokens) {
  const auto most = static_cast<std::size_t>(tokens) + 1;
  return tokens == 0 || text.size() < most ? text : text.first(most);
}

void print_table(const examples::budget_report& found) {
  const bool weights = found.no_weights.empty();
  const auto width = static_cast<int>(gmoe::concat(found.experts, " of ", found.experts).size());
  std::printf("%6s  %*s  %-30s%s  %s\n", "", std::max(9, width), "", "buddies by routing",
              weights ? "  buddies by weights            " : "", "dropping");
  std::printf("%6s  %*s  %10s  %8s  %8s", "budget", std::max(9, width), "in memory", "perplexity", "replaced",
              "dropped");
  if (weights) std::printf("  %10s  %8s  %8s", "perplexity", "replaced", "dropped");
  std::printf("  %10s  %8s\n", "perplexity", "dropped");
  for (const examples::budget_row& row : found.rows) {
    std::printf("%6.4g  %*s", row.budget, std::max(9, width),
                gmoe::concat(row.in_memory, " of ", found.experts).c_str());
    const auto print = [](const examples::budget_loss& l) {
      std::printf("  %10.4f  %6.1f %%  %6.1f %%", l.loss.perplexity(), 100 * l.pairs.substitution_rate(),
                  100 * l.pairs.dropping_rate());
    };
    print(row.by_routing);
    if (weights) print(row.by_weights);
    std::printf("  %10.4f  %6.1f %%\n", row.dropped.loss.perplexity(), 100 * row.dropped.pairs.dropping_rate());
  }
}

json loss_json(const examples::budget_loss& l) {
  return {{"loss", l.loss.loss},
          {"perplexity", l.loss.perplexity()},
          {"pairs", l.pairs.asked},
          {"absent", l.pairs.absent},
          {"substituted", l.pairs.substituted},
          {"substitution_rate", l.pairs.substitution_rate()},
          {"dropping_rate", l.pairs.dropping_rate()}};
}

json results_json(const examples::saved_model& saved, const arguments& a, const examples::budget_report& found) {
  json all{{"format", 1},
           {"version", gmoe::version_string},
           {"variant", saved.variant},
           {"official", saved.official},
           {"step", saved.official ? json(nullptr) : json(saved.step)},
           {"context", a.how.sequence},
           {"alpha", a.how.alpha},
           {"renormalise", a.how.renormalise},
           {"recorded", examples::text_fingerprint(a.how.recorded)},
           {"text", examples::text_fingerprint(a.how.text)},
           {"tokens", found.whole.tokens},
           {"experts", found.experts},
           {"perplexity", found.whole.perplexity()},
           {"budgets", json::array()}};
  if (!found.no_weights.empty()) all["no_buddies_by_weights"] = found.no_weights;
  for (const examples::budget_row& row : found.rows) {
    json& one = all["budgets"].emplace_back();
    one = {{"budget", row.budget},
           {"in_memory", row.in_memory},
           {"by_routing", loss_json(row.by_routing)},
           {"dropped", loss_json(row.dropped)}};
    if (found.no_weights.empty()) one["by_weights"] = loss_json(row.by_weights);
  }
  return all;
}

int run(const CLI::App&, arguments a) {
  for (const double budget : a.how.budgets) check_share("--budget", budget);
  check_share("--alpha", a.how.alpha);
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

  const examples::budget_report found = saved.model->evaluate_within(a.how);
  std::printf("%s; perplexity %.4f with all of its %s, on %s\n", saved.state.c_str(), found.whole.perplexity(),
              examples::plural(found.experts, "expert").c_str(), examples::plural(found.whole.tokens, "token").c_str());
  print_table(found);
  if (!found.no_weights.empty()) std::printf("no buddies by weights: %s\n", found.no_weights.c_str());
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
                    "Keeps only a part of a saved model's experts in memory: what does it lose, with similar experts "
                    "in the place of the absent ones, and without?",
                .uses =
                    "  buddies --checkpoint runs/gmoe --validate text.txt\n"
                    "  buddies --checkpoint runs/gmoe --record train.txt --validate text.txt --budget 0.25,0.5 --json "
                    "b.json\n",
                .parts = "backends " + examples::together(examples::compiled_backends())};
      },
      add_options, run);
}
