// Runs any variant on given tokens and writes every number on the way: for checking an implementation against this
// library's, layer by layer.

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "gentle_threads.hpp"
#include "gmoe/core/error.hpp"
#include "options.hpp"
#include "trace/variant.hpp"

int main(int argc, char** argv) {
  examples::give_way_while_waiting(argv);
  trace::variant_options o;
  std::string scalar = "double";
  std::vector<std::string> set;
  CLI::App app(
      "Runs a model on given tokens and writes every number on the way to a safetensors file: parameters, activations "
      "of each layer, routing, what was drawn at random, losses, and on request gradients and training steps. "
      "docs/checkpoints.md says what each name means.",
      "trace");
  app.get_formatter()->column_width(36);
  app.add_option("--variant", o.variant, "a new model of this variant; train --list shows them all");
  app.add_option("--checkpoint", o.checkpoint,
                 "instead, the model of a training checkpoint (a file, or the folder of a run) or of an official one");
  app.add_option("--tokens", o.tokens,
                 "safetensors file with whole numbers 'tokens', sequences x length, and where losses are wanted "
                 "'targets' of the same shape, -1 where nothing is predicted")
      ->required();
  app.add_option("--out", o.out, "safetensors file to write; it appears whole or not at all")->required();
  app.add_option("--scalar", scalar, "precision of the computation")
      ->check(CLI::IsMember({"float", "double"}))
      ->capture_default_str();
  app.add_option("--seed", o.how.seed, "of initial weights and random draws")->capture_default_str();
  app.add_flag("--training", o.training, "as in training: with dropout, capacity and noise");
  app.add_option("--step", o.step, "number of the optimiser step, for schedules and random draws")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--gradients", o.gradients, "also the gradient of the total loss by every parameter");
  app.add_option("--train-steps", o.train_steps,
                 "then train on the same tokens for so many steps, and write what became of parameters and buffers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--replay", o.replay, "take over the choices of this trace instead of making them");
  app.add_flag("--replay-constants", o.replay_constants,
               "also the values that it has behind cuts of the gradient: for finite differences");
  examples::add_size_options(app, o.shape, set);  // of a new model
  examples::add_recipe_options(app, o.how,
                               {"steps", "batch", "sequence", "accumulation", "warmup_fraction", "final_fraction",
                                "validation_fraction", "seed"});
  const auto ended = examples::read_command_line(
      app, argc, argv,
      "  trace --variant gshard --tokens tokens.safetensors --out trace.safetensors --training --gradients\n"
      "  trace --variant gmoe --set balance.alpha=0.3 --tokens tokens.safetensors --out trace.safetensors\n"
      "  trace --checkpoint runs/gmoe --tokens tokens.safetensors --out trace.safetensors\n"
      "  trace --variant switch --tokens tokens.safetensors --out again.safetensors --replay trace.safetensors\n",
      "", examples::variant_extras("--variant")(app));
  if (ended) return *ended;
  try {
    o.card = examples::read_settings(set);
    if (o.checkpoint.empty()) {
      if (!o.variant.empty()) examples::refuse_idle_options(app, o.card, {o.variant});
    } else {
      for (const CLI::Option* size : app.get_options([](const CLI::Option* x) { return x->get_group() == "Sizes"; }))
        if (size->count() > 0)
          throw examples::usage_error(size->get_name() + " has no effect on the model of a checkpoint");
    }
    (scalar == "double" ? trace::variant_in_double : trace::variant_in_float)(o);
    return 0;
  } catch (const examples::usage_error& e) {
    std::fprintf(stderr, "trace: %s\n", e.what());
    return examples::usage_status;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "trace: %s\n", e.what());
    return 1;
  }
}
