#pragma once
/// The machine-readable log of a run: a JSON object per line.

#include <filesystem>

#include "gmoe/io/json_lines.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"

namespace examples {

class run_log {
 public:
  /// Continues the log of a run that is resumed at `step`; what was logged from there on is dropped.
  run_log(const std::filesystem::path& path, std::int64_t step)
      : lines_(path, [step](const nlohmann::json& o) {
          // An evaluation after `step` steps belongs to the part that is kept.
          const bool evaluated = o.contains("validation_loss");
          return o.contains("step") && o["step"].is_number_integer() &&
                 (evaluated ? o["step"] <= step : o["step"] < step);
        }) {}

  void step(const gmoe::step_report& r) {
    lines_.write({{"step", r.step},
                  {"loss", r.loss},
                  {"language_loss", r.language_loss},
                  {"balance_loss", r.balance_loss},
                  {"gradient_norm", r.gradient_norm},
                  {"learning_rate", r.learning_rate},
                  {"tokens", r.tokens},
                  {"seconds", r.seconds}});
  }
  void evaluation(std::int64_t step, const gmoe::evaluation& e) {
    lines_.write({{"step", step},
                  {"validation_loss", e.loss},
                  {"perplexity", e.perplexity()},
                  {"bits_per_byte", e.bits_per_token()},
                  {"tokens", e.tokens}});
  }

 private:
  gmoe::json_lines lines_;
};

}  // namespace examples
