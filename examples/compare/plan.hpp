#pragma once
/// What one run of a comparison is to do: everything that its result depends on.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "../session/settings.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"
#include "gmoe/train/trainer.hpp"

namespace compare {

using json = nlohmann::json;
using gmoe::index_t;

/// A further text to validate on.
struct validation_text {
  std::string name;
  std::span<const std::uint8_t> bytes;
  std::string fingerprint;
};

struct asked_tasks;  // tasks.hpp

/// The text, split once for all runs, the further ones, and what runs are asked.
struct split_text {
  std::span<const std::uint8_t> train, validation;
  std::string fingerprint;
  std::vector<validation_text> others = {};
  const asked_tasks* tasks = nullptr;
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
  json match = nullptr;           ///< what `--equal` and `--dense` changed, or null

  /// All of the above and the texts, as the result file repeats it.
  json settings(const split_text& text) const;

  double tokens_per_step() const { return static_cast<double>(how.batch * how.accumulation * how.sequence); }
};

class unfinished_run;

/// What happens while a run is under way.
struct run_hooks {
  std::function<void(const gmoe::step_report&)> on_step;
  std::function<bool()> stop;                          ///< asked after every step, and now and then among questions
  const unfinished_run* unfinished = nullptr;          ///< where an interrupted run is kept, and looked for
  std::function<void(std::int64_t)> on_continue = {};  ///< told the step at which an interrupted run continues
};

/// Thrown by run_variant when `stop` said so.
struct interrupted {};

/// Trains and measures one variant; what comes back is the run's result file.
json run_variant(const run_plan& plan, const split_text& text, const run_hooks& hooks);

/// Seconds of one of its training steps, measured on a few.
double seconds_per_step(const run_plan& plan, const split_text& text);

/// The number that a run has of its loss on another text: "validation_loss:NAME".
inline const std::string loss_on = "validation_loss:";

}  // namespace compare
