#pragma once
/// What one run of a comparison is to do: everything that its result depends on.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "../session/settings.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"
#include "gmoe/train/trainer.hpp"

namespace compare {

using json = nlohmann::json;
using gmoe::index_t;

/// The text, split once for all runs.
struct split_text {
  std::span<const std::uint8_t> train, validation;
  std::string fingerprint;
};

/// One variant with one seed (`how.seed`).
struct run_plan {
  std::string variant;
  std::string backend = "eigen";
  gmoe::sizes shape = {};
  examples::settings card = {};  ///< numbers of the variant's card that are not its own
  gmoe::recipe how = {};
  index_t validation_tokens = 0;  ///< of the final evaluation; 0: the whole validation text
  index_t analysis_tokens = 0;    ///< whose routing is measured; 0: the whole validation text
  json match = nullptr;           ///< how `--match` changed the sizes, or null

  /// All of the above and the text, as the result file repeats it.
  json settings(const split_text& text) const;
};

/// What happens while a run is under way.
struct run_hooks {
  std::function<void(const gmoe::step_report&)> on_step;
  std::function<bool()> stop;  ///< asked after every step
};

/// Thrown by run_variant when `stop` said so.
struct interrupted {};

/// Trains and measures one variant; what comes back is the run's result file.
json run_variant(const run_plan& plan, const split_text& text, const run_hooks& hooks);

}  // namespace compare
