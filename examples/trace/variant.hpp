#pragma once
/// Tracing any variant, for the program `trace`.

#include <cstdint>
#include <filesystem>
#include <string>

#include "../session/settings.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"

namespace trace {

struct variant_options {
  std::string variant;  ///< the card; empty where `checkpoint` says it
  std::filesystem::path checkpoint, tokens, out, replay;
  bool replay_constants = false;
  bool training = false, gradients = false;
  std::int64_t step = 0, train_steps = 0;
  gmoe::sizes shape;        ///< of a new model
  examples::settings card;  ///< likewise: numbers of the card that are not its own
  gmoe::recipe how;         ///< seed, and the numbers of training steps
};

/// Each runs in the precision of its name. They throw gmoe::error.
void variant_in_float(const variant_options& o);
void variant_in_double(const variant_options& o);

}  // namespace trace
