// Runs a published checkpoint on given tokens and writes everything that it computes: for comparing implementations.
//
//     trace_checkpoint --checkpoint DIR --tokens FILE --out FILE [--scalar float|double] [--steps N]

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "gentle_threads.hpp"
#include "trace/trace.hpp"

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  trace::options o;
  const std::map<std::string, void (*)(const trace::options&)> backends {
    {"eigen", trace::on_eigen},
#if defined(EXAMPLES_WITH_THRUST)
        {"thrust", trace::on_thrust},
#endif
#if defined(EXAMPLES_WITH_CUDA)
        {"cuda", trace::on_cuda},
#endif
  };
  CLI::App app(
      "Runs a published GMoE, Switch, GShard or dense checkpoint on given tokens and writes every number on the way to "
      "a safetensors file: activations of each layer (layer0/attn_out, ...), routing, logits, losses, the gradient of "
      "the total loss (grad/<tensor>) and, with --steps, a short training run on the same tokens (train/..., "
      "after/<tensor>). Numbers are F64, indices I64. Dropout and expert capacity are off.",
      "trace_checkpoint");
  app.add_option("--checkpoint", o.checkpoint,
                 "folder with config.json and model.safetensors, best_checkpoint.safetensors or "
                 "last_checkpoint.safetensors")
      ->required();
  app.add_option("--tokens", o.tokens,
                 "safetensors file with a tensor 'tokens' of whole numbers, sequences x length; each position predicts "
                 "the next, the last one nothing")
      ->required();
  app.add_option("--out", o.out, "safetensors file to write; it appears whole or not at all")->required();
  app.add_option("--scalar", o.scalar, "precision of the computation")
      ->check(CLI::IsMember({"float", "double"}))
      ->capture_default_str();
  app.add_option("--backend", o.backend, "what computes; this program has the ones named here")
      ->check(CLI::IsMember(backends))
      ->capture_default_str();
  app.add_option("--steps", o.steps,
                 "training steps: AdamW (betas 0.9 and 0.95, weight decay 0.1), gradients clipped to norm 1, learning "
                 "rate 3e-4 with 1 step of warm-up and a cosine to 0 at step 10")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  std::vector<std::string> names;
  for (const auto& [name, run] : backends) names.push_back(name);
  const auto ended = examples::read_command_line(
      app, argc, argv,
      "  trace_checkpoint --checkpoint runs/gmoe/official --tokens tokens.safetensors --out trace.safetensors\n"
      "  trace_checkpoint --checkpoint published --tokens tokens.safetensors --out trace.safetensors --steps 10\n",
      "backends " + examples::together(names));
  if (ended) return *ended;
  try {
    backends.at(o.backend)(o);
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "trace_checkpoint: " << e.what() << "\n";
    return 1;
  }
}
