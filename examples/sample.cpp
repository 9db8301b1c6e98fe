// Lets a saved model continue a text: any checkpoint that train wrote, of any variant.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>

#include "command_line.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/data/printable.hpp"
#include "saved_model.hpp"

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
  app.add_option("--checkpoint", a.checkpoint, examples::checkpoint_help)->required();
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
  const examples::saved_model saved = examples::open_model(a.checkpoint, a.backend);
  gmoe::require(saved.shape().vocab == 256, a.checkpoint.string(), " is of a model with a vocabulary of ",
                saved.shape().vocab, ", expected 256: bytes");
  if (a.how.context == 0) a.how.context = saved.sequence;
  gmoe::require(a.how.context <= saved.shape().positions, "--context is ", a.how.context, ", but the model has ",
                saved.shape().positions, " positions");
  if (app.get_option("--prompt")->count() == 0) a.prompt = standard_input();
  gmoe::require(!a.prompt.empty(), "the prompt is empty: give the text to continue by --prompt or on the input");

  if (a.verbose) std::fprintf(stderr, "%s\n%s", saved.state.c_str(), saved.model->describe().c_str());
  const auto show = [&](std::string_view text) {
    const std::string shown = a.raw ? std::string(text) : gmoe::printable(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
  if (!a.raw) show(a.prompt);
  saved.model->generate(a.prompt, a.how, show);
  if (!a.raw) show("\n");
  gmoe::require<gmoe::file_error>(std::ferror(stdout) == 0, "could not write the text");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program<arguments>(
      argc, argv,
      []() -> examples::program_text {
        return {.about = "Lets a saved model continue a text.",
                .uses =
                    "  sample --checkpoint runs/gmoe --prompt 'In the beginning'\n"
                    "  sample --checkpoint runs/gmoe/best.safetensors --temperature 0 < start.txt\n",
                .parts = "backends " + examples::together(examples::compiled_backends())};
      },
      add_options, run);
}
