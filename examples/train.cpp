// The main job: trains one variant on a text, evaluates it, lets it write, and keeps everything in a folder.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>

#include "command_line.hpp"
#include "fingerprint.hpp"
#include "gentle_threads.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/data/split.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/train/interrupt.hpp"
#include "gmoe/train/progress.hpp"
#include "idle_options.hpp"
#include "options.hpp"
#include "run_log.hpp"
#include "session/session.hpp"

namespace {

namespace fs = std::filesystem;
using gmoe::index_t;

struct arguments {
  std::string variant = "gmoe", backend = "eigen";
  fs::path text, folder;
  bool resume = false, overwrite = false, list = false;
  int threads = 0;
  index_t checkpoint_every = 200, evaluate_every = 0, evaluate_batches = 0;
  std::string prompt = "And God said";
  gmoe::sizes shape;
  gmoe::recipe how{.steps = 1200};
  gmoe::sampling sample{.tokens = 110};

  fs::path checkpoint() const { return folder / "checkpoint.safetensors"; }
  fs::path log() const { return folder / "log.jsonl"; }
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--variant", a.variant, "which model to train; --list shows them all")->capture_default_str();
  app.add_option("--backend", a.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(examples::compiled_backends()))
      ->capture_default_str();
  app.add_option("--text", a.text, "a file, or a folder whose files are read one after another, as bytes");
  app.add_option("--checkpoint-dir", a.folder, "where checkpoint, log and exported model go (default: runs/VARIANT)");
  app.add_flag("--resume", a.resume, "continue the run of the checkpoint folder; its sizes and recipe are taken over");
  app.add_flag("--overwrite", a.overwrite, "start anew although the checkpoint folder holds a run");
  app.add_flag("--list", a.list, "print all variants and stop");
  app.add_option("--threads", a.threads, "threads; 0 takes all cores")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint-every", a.checkpoint_every, "steps between checkpoints; 0: only at the end")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--evaluate-every", a.evaluate_every, "steps between evaluations; 0: only at the end")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--evaluate-batches", a.evaluate_batches, "batches of an evaluation; 0: the whole validation text")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--prompt", a.prompt, "what the sample text starts with")->capture_default_str()->group("Sample");
  app.add_option("--sample-tokens", a.sample.tokens,
                 "length of the sample text, best within the training sequence; 0: none")
      ->capture_default_str()
      ->group("Sample")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--temperature", a.sample.temperature, "0 always takes the likeliest token")
      ->capture_default_str()
      ->group("Sample")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--sample-top-k", a.sample.top_k, "draw from the k likeliest tokens; 0: all")
      ->capture_default_str()
      ->group("Sample")
      ->check(CLI::NonNegativeNumber);
  examples::add_size_options(app, a.shape, {"vocab"});
  examples::add_recipe_options(app, a.how);
}

/// Sizes and recipe of the run to continue, where the command line does not set them.
void take_over(const CLI::App& app, arguments& a) {
  const gmoe::checkpoint_header h = gmoe::read_checkpoint_header(a.checkpoint());
  const auto merge = [&](auto& mine, const auto& saved) {
    each_field(saved, [&](const char* field, const auto& value) {
      const std::string option = examples::option_name(field);
      if (const auto* given = app.get_option_no_throw(option); given && given->count() > 0) return;
      each_field(mine, [&](const char* other, auto& target) {
        if constexpr (std::is_same_v<std::decay_t<decltype(target)>, std::decay_t<decltype(value)>>)
          if (std::string_view(other) == field) target = value;
      });
    });
  };
  merge(a.shape, h.shape);
  merge(a.how, h.how);
  if (app.get_option("--variant")->count() == 0) a.variant = h.variant;
}

void print_report(const examples::session_report& r, double unigram) {
  std::printf(
      "validation loss %.4f nats per byte (unigram entropy of this text: %.4f)   perplexity %.3f   %.3f bits per "
      "byte\n",
      r.loss.loss, unigram, r.loss.perplexity(), r.loss.bits_per_token());
  if (r.load.empty()) return;
  std::printf("share of the tokens that each expert got, by block:\n");
  for (std::size_t l = 0; l < r.load.size(); ++l) {
    std::printf("  block %-2td", r.blocks[l]);
    for (double f : r.load[l]) std::printf(" %5.1f%%", 100 * f);
    std::printf("\n");
  }
}

int run(const CLI::App& app, arguments a) {
  if (a.list) {
    for (const auto& v : examples::all_variants())
      std::printf("%-20s %-34s %s\n", v.name.c_str(), v.paper.c_str(), v.about.c_str());
    return 0;
  }
  a.shape = examples::sizes_for(app, a.variant, a.shape);
  examples::count_parameters(a.variant, a.shape);  // an unknown variant, or sizes that it cannot have
  gmoe::require(!a.text.empty(), "no text was given: --text PATH names a file or a folder");
  if (a.folder.empty()) a.folder = fs::path("runs") / a.variant;
  if (a.resume)
    take_over(app, a);
  else
    gmoe::require(a.overwrite || !fs::exists(a.checkpoint()), a.checkpoint().string(),
                  " holds a run already: --resume continues it, --overwrite starts anew");
  examples::refuse_idle_options(app, {a.variant});
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);

  const gmoe::corpus text = gmoe::corpus::read(a.text);
  const auto parts = gmoe::split_tokens(text.bytes(), a.how.sequence, a.how.validation_fraction);
  const double unigram = gmoe::unigram_entropy(parts.validation);
  const auto session = examples::make_session(
      {a.variant, a.backend, a.shape, a.how, parts.train, parts.validation, examples::text_fingerprint(text.bytes())});
  if (a.resume) session->load(a.checkpoint());
  fs::create_directories(a.folder);
  examples::run_log log(a.log(), session->steps_done());

  std::printf("%s\n%s\n", session->describe().c_str(), text.describe().c_str());
  std::printf("%lld steps of %td x %td tokens on %d threads, checkpoints in %s%s\n",
              static_cast<long long>(a.how.steps), a.how.batch * a.how.accumulation, a.how.sequence,
              gmoe::cpu<float>::threads(), a.folder.string().c_str(),
              a.resume ? gmoe::concat(", resumed at step ", session->steps_done()).c_str() : "");
  std::fflush(stdout);

  const gmoe::interrupt_guard interrupt;
  try {
    gmoe::progress_line progress(a.how.steps);
    while (!session->finished() && !interrupt.requested()) {
      const gmoe::step_report r = session->step();
      progress.show(r);
      log.step(r);
      if (a.checkpoint_every > 0 && session->steps_done() % a.checkpoint_every == 0) session->save(a.checkpoint());
      if (a.evaluate_every > 0 && session->steps_done() % a.evaluate_every == 0 && !session->finished()) {
        const auto e = session->evaluate(a.evaluate_batches);
        log.evaluation(session->steps_done(), e.loss);
        progress.clear();
        std::printf("step %lld: validation loss %.4f, perplexity %.3f\n", static_cast<long long>(session->steps_done()),
                    e.loss.loss, e.loss.perplexity());
        std::fflush(stdout);
      }
    }
  } catch (const gmoe::numeric_error& e) {
    throw gmoe::numeric_error(fs::exists(a.checkpoint())
                                  ? gmoe::concat(e.what(), ". The last checkpoint is kept: ", a.checkpoint().string())
                                  : std::string(e.what()));
  }
  session->save(a.checkpoint());
  if (!session->finished()) {
    std::printf("stopped at step %lld; the same command with --resume continues\n",
                static_cast<long long>(session->steps_done()));
    return 130;
  }

  const auto result = session->evaluate(a.evaluate_batches);
  log.evaluation(session->steps_done(), result.loss);
  print_report(result, unigram);
  const fs::path official = a.folder / "official";
  if (session->save_official(official)) std::printf("official checkpoint: %s\n", official.string().c_str());
  if (a.sample.tokens > 0) {
    a.sample.context = a.how.sequence;  // later positions were never trained on
    std::printf("\n%s", a.prompt.c_str());
    session->generate(a.prompt, a.sample, [](std::string_view piece) {
      std::printf("%s", gmoe::printable(piece).c_str());
      std::fflush(stdout);
    });
    std::printf("\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  CLI::App app{"Trains a mixture-of-experts language model on a text."};
  app.get_formatter()->column_width(36);
  arguments a;
  add_options(app, a);
  const auto ended = examples::read_command_line(app, argc, argv,
                                                 "  train --text book.txt\n"
                                                 "  train --text book.txt --variant switch --experts 16 --steps 3000\n"
                                                 "  train --text book.txt --resume\n"
                                                 "  train --list\n",
                                                 "backends " + examples::together(examples::compiled_backends()));
  if (ended) return *ended;
  try {
    return run(app, a);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train: %s\n", e.what());
    return 1;
  }
}
