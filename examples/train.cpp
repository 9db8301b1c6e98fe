// The main job: trains one variant on a text, evaluates it, lets it write, and keeps everything in a folder.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>

#include "command_line.hpp"
#include "fingerprint.hpp"
#include "further_texts.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/data/split.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/io/abandoned_files.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/io/folder_lock.hpp"
#include "gmoe/io/official_files.hpp"
#include "gmoe/ranks/collective.hpp"
#include "gmoe/train/interrupt.hpp"
#include "gmoe/train/progress.hpp"
#include "on_ranks.hpp"
#include "options.hpp"
#include "run_log.hpp"
#include "session/listing.hpp"
#include "session/session.hpp"

namespace {

namespace fs = std::filesystem;
using gmoe::index_t;

struct arguments {
  std::string variant = "gmoe", backend = "eigen";
  fs::path text, folder;
  bool resume = false, overwrite = false, list = false, json = false, verbose = false, official = false;
  int threads = 0;
  index_t checkpoint_every = 200, evaluate_every = -1, evaluate_batches = 8, final_batches = 0;
  std::vector<std::string> validate;
  std::string prompt = "And God said";
  gmoe::sizes shape;
  std::vector<std::string> set;
  examples::settings card;  ///< what --set says, and what a run that is continued has
  gmoe::recipe how{.steps = 1200};
  gmoe::sampling sample{.tokens = 110};

  fs::path checkpoint() const { return folder / "checkpoint.safetensors"; }
  fs::path best() const { return folder / "best.safetensors"; }
  fs::path official_folder() const { return folder / "official"; }
  fs::path log() const { return folder / "log.jsonl"; }
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--variant", a.variant, "which model to train; --list shows them all")->capture_default_str();
  app.add_option("--backend", a.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(examples::compiled_backends()))
      ->capture_default_str();
  app.add_option("--text", a.text, "a file, or a folder whose files are read one after another, as bytes");
  app.add_option("--checkpoint-dir", a.folder, "where checkpoint, log and exported model go (default: runs/VARIANT)");
  app.add_flag("--resume", a.resume,
               "continue the run of the checkpoint folder; its sizes and recipe are taken over. With --steps, "
               "also a finished one, to that many steps in all: from there on with the learning rates of a run of "
               "that length");
  app.add_flag("--overwrite", a.overwrite, "start anew although the checkpoint folder holds a run");
  app.add_flag("--list", a.list, "print all variants by the question that moves, and stop");
  app.add_flag("--json", a.json, "--list as JSON, with what each variant changes and how far it looks");
  app.add_flag("--verbose", a.verbose, "show the questions that the variant's parts answer, more counts, and the text");
  app.add_flag("--official", a.official,
               "refuse to start where the variant has no official checkpoint (one is written at the end if it has)");
  app.add_option("--threads", a.threads, "threads; 0 takes all cores")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint-every", a.checkpoint_every, "steps between checkpoints; 0: only at start and end")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--evaluate-every", a.evaluate_every,
                 "steps between evaluations, of which the best is kept as best.safetensors (default: a tenth of all "
                 "steps); 0: only at the end")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--evaluate-batches", a.evaluate_batches,
                 "batches of these evaluations, from the start of the validation text; 0: all of it")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--final-batches", a.final_batches, "batches of the last evaluation; 0: the whole validation text")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--validate", a.validate,
                 "NAME=PATH, any number of them: further texts to measure the loss on at the end");
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
  examples::add_size_options(app, a.shape, a.set, {"vocab"});
  examples::add_recipe_options(app, a.how);
}

/// Sizes, numbers of the card and recipe of the run to continue, where the command line does not set them.
void take_over(const CLI::App& app, arguments& a) {
  const gmoe::checkpoint_header h = examples::check_checkpoint(a.checkpoint());
  const auto merge = [&](auto& mine, const auto& saved) {
    each_field(saved, [&](const auto& field, const auto& value) {
      if (!examples::given(app, examples::option_name(field.name))) mine.*field.at = value;
    });
  };
  merge(a.shape, h.shape);
  merge(a.how, h.how);
  if (!examples::given(app, "--variant")) a.variant = h.variant;
  if (a.variant == h.variant) a.card = examples::changed(examples::numbers_in(h), a.card);
  if (h.first_format)
    std::printf("%s was written by version 0.1; its numbers are read as those of the card\n",
                a.checkpoint().string().c_str());
  gmoe::require(a.how.steps >= h.step, a.checkpoint().string(), " is at step ", h.step, ", beyond --steps ",
                a.how.steps);
}

void print_load(const examples::session_report& r) {
  if (r.load.empty()) return;
  std::printf("share of the tokens that each expert got, by block:\n");
  for (std::size_t l = 0; l < r.load.size(); ++l) {
    std::printf("  block %-2td", r.blocks[l]);
    for (double f : r.load[l]) std::printf(" %5.1f%%", 100 * f);
    std::printf("\n");
  }
}

void print_report(const examples::session_report& r, double unigram) {
  std::printf(
      "validation loss %.4f nats per byte (unigram entropy of this text: %.4f)   perplexity %.3f   %.3f bits per "
      "byte\n",
      r.loss.loss, unigram, r.loss.perplexity(), r.loss.bits_per_token());
  print_load(r);
}

/// The same for a further text.
void print_report(const examples::session_report& r, const std::string& text) {
  std::printf("%s: loss %.4f nats per byte   perplexity %.3f   %.3f bits per byte\n", text.c_str(), r.loss.loss,
              r.loss.perplexity(), r.loss.bits_per_token());
  print_load(r);
}

/// One run in its folder, where rank 0 alone writes and logs; all compute. What is there fits together at
/// every moment, wherever a run is killed:
///
/// - A new run begins by saving its first checkpoint, in the place of an old run's. At step 0 nothing of a log and of
///   other checkpoints belongs to a run; so what an old run left is dropped, at once or when the new one is resumed.
/// - Lines of the log from the checkpoint's step on are dropped when a run is resumed, and are written again.
/// - The best checkpoint is saved after a checkpoint of the same step, so it is never ahead. What a kill in between
///   left out is made up when the run is resumed.
class training {
 public:
  training(arguments a, examples::session& s, index_t validation_tokens, gmoe::ranks::any ranks)
      : a_(std::move(a)), session_(s), validation_tokens_(validation_tokens), ranks_(std::move(ranks)) {
    if (a_.evaluate_every < 0) a_.evaluate_every = std::max<index_t>(1, (a_.how.steps + 9) / 10);
  }

  /// Makes the folder ready: for a new run, or to continue the loaded one.
  void begin() {
    if (a_.resume && gmoe::ranks::of_first(ranks_, [&] { return saved_steps(); }) == a_.how.steps)
      saved_at_ = session_.steps_done();
    save();
    gmoe::ranks::on_first(ranks_, [&] { begin_log(); });
    best_ = gmoe::ranks::of_first(ranks_, [&] { return best_; });
  }

  /// Trains until the end, or until `stop` says so on any rank.
  void go(const gmoe::interrupt_guard& stop) {
    gmoe::progress_line progress(a_.how.steps);
    if (session_.steps_done() > 0) evaluate_if_due(progress);
    while (!session_.finished() && !gmoe::ranks::any_of(ranks_, stop.requested())) {
      const gmoe::step_report r = session_.step();
      if (log_) {
        progress.show(r);
        log_->step(r);
      }
      if (a_.checkpoint_every > 0 && session_.steps_done() % a_.checkpoint_every == 0) save();
      evaluate_if_due(progress);
    }
    save();
  }

  /// On the whole validation text, or what --final-batches says.
  examples::session_report finish() {
    const auto result = session_.evaluate(a_.final_batches);
    if (log_) log_->evaluation(session_.steps_done(), result.loss);
    return result;
  }

  /// The same of a further text.
  examples::session_report finish(const examples::further_text& other) {
    const auto result = session_.evaluate(other.text.bytes(), a_.final_batches);
    if (log_) log_->evaluation(session_.steps_done(), result.loss, other.name);
    return result;
  }

  std::optional<double> best() const { return best_; }
  std::int64_t best_step() const { return best_step_; }

 private:
  std::int64_t saved_steps() const { return gmoe::read_checkpoint_header(a_.checkpoint()).how.steps; }

  void save() {
    if (saved_at_ == session_.steps_done()) return;
    session_.save(a_.checkpoint());
    saved_at_ = session_.steps_done();
  }

  void begin_log() {
    if (session_.steps_done() == 0) {
      gmoe::atomic_write(a_.log(), "");
      fs::remove(a_.best());
      for (const char* name : {"config.json", "model.safetensors"}) fs::remove(a_.official_folder() / name);
    }
    log_.emplace(a_.log(), session_.steps_done(),
                 examples::log_header(a_.variant, a_.shape, examples::card_json(a_.variant, a_.card), a_.how));
    if (log_->without_header())
      std::printf("%s was begun by version 0.1 and does not say the run's numbers; %s does\n",
                  a_.log().string().c_str(), a_.checkpoint().string().c_str());
    if (!fs::exists(a_.best())) return;
    const gmoe::checkpoint_header h = gmoe::read_checkpoint_header(a_.best());
    gmoe::require<gmoe::file_error>(h.validation_loss.has_value() && h.step <= session_.steps_done(),
                                    a_.best().string(), " is not of the run in ", a_.checkpoint().string(),
                                    "; move it away");
    best_ = h.validation_loss;
    best_step_ = h.step;
  }

  void evaluate_if_due(gmoe::progress_line& progress) {
    const std::int64_t step = session_.steps_done();
    if (a_.evaluate_every == 0 || (step % a_.evaluate_every != 0 && !session_.finished())) return;
    const index_t batch = a_.how.batch * a_.how.sequence;
    const bool all = a_.evaluate_batches == 0 || a_.evaluate_batches > validation_tokens_ / batch;
    std::optional<double> loss = gmoe::ranks::of_first(
        ranks_, [&] { return log_->loss_at(step, all ? validation_tokens_ : a_.evaluate_batches * batch); });
    if (!loss) {
      const gmoe::evaluation e = session_.evaluate(a_.evaluate_batches).loss;
      loss = e.loss;
      if (log_) {
        log_->evaluation(step, e);
        progress.clear();
        std::printf("step %lld: validation loss %.4f, perplexity %.3f\n", static_cast<long long>(step), e.loss,
                    e.perplexity());
        std::fflush(stdout);
      }
    }
    if (!std::isfinite(*loss) || (best_ && *loss >= *best_)) return;
    save();
    session_.save(a_.best(), loss);
    best_ = loss;
    best_step_ = step;
  }

  arguments a_;
  examples::session& session_;
  index_t validation_tokens_;
  gmoe::ranks::any ranks_;
  std::optional<examples::run_log> log_;  ///< of rank 0
  std::optional<double> best_;            ///< the loss of best.safetensors
  std::int64_t best_step_ = 0, saved_at_ = -1;
};

struct interrupted {};

/// Lets the model continue the prompt.
void show_sample(examples::session& session, arguments& a, const gmoe::interrupt_guard& stop) {
  a.sample.context = a.how.sequence;  // later positions were never trained on
  std::printf("\n%s", a.prompt.c_str());
  session.generate(a.prompt, a.sample, [&](std::string_view piece) {
    if (stop.requested()) throw interrupted{};
    std::printf("%s", gmoe::printable(piece).c_str());
    std::fflush(stdout);
  });
  std::printf("\n");
}

int run(const CLI::App& app, arguments a, const gmoe::ranks::any& ranks) {
  if (a.list) {
    std::printf("%s", a.json ? (examples::list_json().dump(1) + "\n").c_str() : examples::list_text().c_str());
    return 0;
  }
  if (a.json) throw examples::usage_error("--json has no effect without --list");
  a.card = examples::read_settings(a.set);
  if (!a.resume) {
    examples::refuse_idle_options(app, a.card, {a.variant});
    examples::count_parameters(a.variant, a.shape, a.card);  // an unknown variant, or sizes that it cannot have
  }
  gmoe::require(!a.text.empty(), "no text was given: --text PATH names a file or a folder");
  if (a.folder.empty()) a.folder = fs::path("runs") / a.variant;
  gmoe::require(!a.resume || fs::exists(a.checkpoint()), "there is no run to continue: ", a.checkpoint().string(),
                " does not exist");
  const gmoe::corpus text = gmoe::corpus::read(a.text);
  const std::vector<examples::further_text> others = examples::read_further_texts(a.validate);
  std::optional<gmoe::folder_lock> lock;
  gmoe::ranks::on_first(ranks, [&] { lock.emplace(a.folder); });
  if (a.resume) {
    const examples::settings given = a.card;
    take_over(app, a);
    examples::refuse_idle_options(app, given, {a.variant});
  } else {
    gmoe::require(a.overwrite || !fs::exists(a.checkpoint()), a.checkpoint().string(),
                  " holds a run already: --resume continues it, --overwrite starts anew");
  }
  gmoe::check_recipe(a.how);
  gmoe::require(a.how.sequence <= a.shape.positions, "sequence = ", a.how.sequence,
                " is longer than positions = ", a.shape.positions);
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);
  const gmoe::interrupt_guard interrupt;
  gmoe::ranks::on_first(ranks, [&] {
    gmoe::remove_abandoned_files(a.folder);
    gmoe::remove_abandoned_files(a.official_folder());
  });

  const auto parts = gmoe::split_tokens(text.bytes(), a.how.sequence, a.how.validation_fraction);
  const auto session =
      examples::make_session({a.variant, a.backend, a.shape, a.card, a.how, parts.train, parts.validation,
                              examples::text_fingerprint(text.bytes()), false, ranks});
  if (a.official) gmoe::require(session->official_obstacle().empty(), "--official: ", session->official_obstacle());
  if (a.resume) session->load(a.checkpoint());
  training work(a, *session, std::ssize(parts.validation) - 1, ranks);
  ranks.barrier();  // all have read what was in the folder
  work.begin();

  if (a.verbose)
    std::printf("%s\n%s\n", session->describe().c_str(), text.describe().c_str());
  else
    std::printf("%s", examples::describe_briefly(a.variant, a.card).c_str());
  const examples::parameter_counts count = session->count();
  std::string workers = examples::plural(gmoe::cpu<float>::threads(), "thread");
  if (ranks.size() > 1) workers = gmoe::concat(ranks.size(), " ranks of ", workers);
  std::printf("%s: %td parameters, %td active; %s of %td x %td tokens on %s, in %s%s\n", a.variant.c_str(), count.total,
              count.active, examples::plural(a.how.steps, "step").c_str(), a.how.batch * a.how.accumulation,
              a.how.sequence, workers.c_str(), a.folder.string().c_str(),
              a.resume ? gmoe::concat(", resumed at step ", session->steps_done()).c_str() : "");
  if (a.how.accumulation < ranks.size())
    std::printf("%td of the %d ranks have something to do: a step has as many passes as --accumulation says\n",
                a.how.accumulation, ranks.size());
  std::fflush(stdout);

  try {
    work.go(interrupt);
  } catch (const gmoe::numeric_error& e) {
    throw gmoe::numeric_error(gmoe::concat(e.what(), ". The last checkpoint is kept: ", a.checkpoint().string()));
  }
  if (!session->finished()) {
    std::printf("stopped at step %lld; the same command with --resume continues\n",
                static_cast<long long>(session->steps_done()));
    return 130;
  }
  try {
    print_report(work.finish(), gmoe::unigram_entropy(parts.validation));
    for (const examples::further_text& other : others) print_report(work.finish(other), other.name);
    if (work.best() && work.best_step() < session->steps_done())
      std::printf("best of the evaluations: %.4f at step %lld, in %s\n", *work.best(),
                  static_cast<long long>(work.best_step()), a.best().string().c_str());
    if (ranks.rank() > 0) return 0;
    if (session->save_official(a.official_folder()))
      std::printf("official checkpoint: %s\n", a.official_folder().string().c_str());
    if (a.sample.tokens > 0 && !interrupt.requested()) show_sample(*session, a, interrupt);
    if (!interrupt.requested()) return 0;
  } catch (const interrupted&) {
  }
  std::printf("\nstopped after the last step; the run is complete, only its sample text is not\n");
  return 130;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::on_ranks(argc, argv, [&](const gmoe::ranks::any& ranks, const auto& work) {
    return examples::run_program<arguments>(
        argc, argv,
        []() -> examples::program_text {
          return {.about = "Trains a mixture-of-experts language model on a text.",
                  .uses =
                      "  train --text book.txt\n"
                      "  train --text book.txt --variant switch --experts 16 --set capacity.factor=2 --steps 3000\n"
                      "  train --text book.txt --resume\n"
                      "  mpirun -n 4 train --text book.txt --accumulation 4 --batch 4 --threads 1\n"
                      "  train --variant switch --help\n"
                      "  train --list\n"
                      "  train --list --json\n",
                  .parts = "backends " + examples::together(examples::compiled_backends()),
                  .too_large = "this model and these batches",
                  .extras = examples::variant_extras("--variant")};
        },
        add_options, [&](const CLI::App& app, arguments a) { return work([&] { return run(app, a, ranks); }); });
  });
}
