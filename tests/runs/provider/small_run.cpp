// A training run in a folder, as small as a program can be that is interrupted and continues: small_run FOLDER STEPS.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/cards/dense.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/interrupt.hpp"

int main(int, char** argv) {
  const gmoe::interrupt_guard stop;
  std::vector<std::uint8_t> text(20000);
  const gmoe::random_stream random(1);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(random.below(i, 64));
  gmoe::cpu<float>::set_threads(1);
  gmoe::language_model<gmoe::dense_card, gmoe::cpu<float>> model(
      {.positions = 64, .d_model = 64, .layers = 2, .heads = 2, .d_ff = 128});
  gmoe::trainer run(model, std::span<const std::uint8_t>(text),
                    {.steps = std::atoi(argv[2]), .batch = 4, .sequence = 64});
  const std::filesystem::path file = std::filesystem::path(argv[1]) / "checkpoint.safetensors";
  if (std::filesystem::exists(file)) gmoe::load_checkpoint(file, run, "dense");
  std::printf("started\n");
  std::fflush(stdout);
  while (!run.finished() && !stop.requested()) run.step();
  gmoe::save_checkpoint(file, run, "dense");
  return run.finished() ? 0 : 130;
}
