// Runs a published checkpoint on given tokens and writes everything that it computes: for comparing implementations.
//
//     trace_checkpoint --checkpoint DIR --tokens FILE --out FILE [--scalar float|double] [--steps N]

#include <CLI/CLI.hpp>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/official.hpp"
#include "gmoe/io/official_trace.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/schedule.hpp"

namespace {

struct options {
  std::filesystem::path checkpoint, tokens, out;
  std::string scalar = "float";
  std::int64_t steps = 0;
};

struct token_table {
  std::vector<std::int64_t> ids;
  gmoe::index_t sequences;
};

token_table read_tokens(const std::filesystem::path& path) {
  const gmoe::safetensors_file file(path);
  const auto& shape = file.entry("tokens").shape;
  gmoe::require<gmoe::file_error>(shape.size() == 2, "safetensors file '", path.string(),
                                  "': tensor 'tokens' has shape ", gmoe::shape_text(shape),
                                  ", expected [sequences, length]");
  return {file.read<std::int64_t>("tokens"), shape[0]};
}

template <class Scalar>
void trace(const options& o) {
  using backend = gmoe::cpu<Scalar>;
  const token_table tokens = read_tokens(o.tokens);
  gmoe::trace_file<Scalar> out;
  gmoe::with_official_model<backend>(o.checkpoint, [&](auto& model) {
    gmoe::official_tracer tracer(model, tokens.ids, tokens.sequences, out);
    tracer.pass();
    if (o.steps == 0) return;
    // The recipe of the paper's models, at the length of the reference data.
    const gmoe::cosine_schedule schedule{.peak = 3e-4, .warmup = 1, .total = 10};
    gmoe::adamw<backend> optimizer(model.parameters());
    tracer.train(o.steps, [&](std::int64_t step) {
      const double norm = gmoe::global_norm(optimizer.parameters());
      optimizer.step(schedule(step), gmoe::clipping_factor(norm, 1.0));
      return gmoe::traced_step{schedule(step), norm};
    });
  });
  out.write(o.out);
}

}  // namespace

int main(int argc, char** argv) {
  options o;
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
  app.add_option("--steps", o.steps,
                 "training steps: AdamW (betas 0.9 and 0.95, weight decay 0.1), gradients clipped to norm 1, learning "
                 "rate 3e-4 with 1 step of warm-up and a cosine to 0 at step 10")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (o.scalar == "double")
      trace<double>(o);
    else
      trace<float>(o);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "trace_checkpoint: " << e.what() << "\n";
    return 1;
  }
}
