// Lets a saved model continue a text: any checkpoint that train wrote, of any variant.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <new>
#include <string>

#include "command_line.hpp"
#include "gentle_threads.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "session/session.hpp"

namespace {

namespace fs = std::filesystem;

struct arguments {
  std::string backend = "eigen", prompt;
  fs::path checkpoint;
  int threads = 0;
  bool raw = false, verbose = false;
  gmoe::sampling how;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--checkpoint", a.checkpoint,
                 "a training checkpoint, or a folder of train, whose checkpoint.safetensors is taken")
      ->required();
  app.add_option("--prompt", a.prompt,
                 "what the text starts with (default: the standard input, without a line feed at its end)");
  app.add_option("--tokens", a.how.tokens, "how many tokens to generate, here bytes")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--temperature", a.how.temperature, "0 always takes the likeliest token")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--top-k", a.how.top_k, "draw from the k likeliest tokens; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--context", a.how.context,
                 "positions to use; when they are full, the older half is forgotten; 0: as many as were trained on")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", a.how.seed, "of the draws")->capture_default_str();
  app.add_flag("--raw", a.raw, "write the bytes as they are, and nothing else: no prompt, no escapes, no line feed");
  app.add_flag("--verbose", a.verbose, "say on the error output what the checkpoint holds");
  app.add_option("--backend", a.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(examples::compiled_backends()))
      ->capture_default_str();
  app.add_option("--threads", a.threads, "threads; 0 takes all cores")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

std::string standard_input() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

int run(const CLI::App& app, arguments a) {
  if (a.threads > 0) gmoe::cpu<float>::set_threads(a.threads);
  if (fs::is_directory(a.checkpoint)) a.checkpoint /= "checkpoint.safetensors";
  const gmoe::checkpoint_header h = examples::check_checkpoint(a.checkpoint);
  gmoe::require(h.shape.vocab == 256, a.checkpoint.string(), " is of a model with a vocabulary of ", h.shape.vocab,
                ", expected 256: bytes");
  if (a.how.context == 0) a.how.context = h.how.sequence;
  gmoe::require(a.how.context <= h.shape.positions, "--context is ", a.how.context, ", but the model has ",
                h.shape.positions, " positions");
  if (app.get_option("--prompt")->count() == 0) a.prompt = standard_input();
  gmoe::require(!a.prompt.empty(), "the prompt is empty: give the text to continue by --prompt or on the input");

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
  if (a.verbose)
    std::fprintf(stderr, "%s after %lld of %lld steps\n%s", h.variant.c_str(), static_cast<long long>(h.step),
                 static_cast<long long>(h.how.steps), session->describe().c_str());
  const auto show = [&](std::string_view text) {
    const std::string shown = a.raw ? std::string(text) : gmoe::printable(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
  if (!a.raw) show(a.prompt);
  session->generate(a.prompt, a.how, show);
  if (!a.raw) show("\n");
  gmoe::require<gmoe::file_error>(std::ferror(stdout) == 0, "could not write the text");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  CLI::App app{"Lets a saved model continue a text."};
  app.get_formatter()->column_width(36);
  arguments a;
  add_options(app, a);
  const auto ended =
      examples::read_command_line(app, argc, argv,
                                  "  sample --checkpoint runs/gmoe --prompt 'In the beginning'\n"
                                  "  sample --checkpoint runs/gmoe/best.safetensors --temperature 0 < start.txt\n",
                                  "backends " + examples::together(examples::compiled_backends()));
  if (ended) return *ended;
  try {
    return run(app, a);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "sample: there is not enough memory for this model\n");
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sample: %s\n", e.what());
    return 1;
  }
}
