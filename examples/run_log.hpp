#pragma once
/// The machine-readable log of a run: a JSON object per line.

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "gmoe/io/json_lines.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"

namespace examples {

class run_log {
 public:
  /// Continues the log of a run that is resumed at `step`; what was logged from there on is dropped.
  run_log(const std::filesystem::path& path, std::int64_t step)
      : lines_(path, [&, step](const nlohmann::json& o) {
          // An evaluation after `step` steps belongs to the part that is kept.
          const bool evaluated = o.contains("validation_loss");
          if (!o.contains("step") || !o["step"].is_number_integer()) return false;
          if (evaluated ? o["step"] > step : o["step"] >= step) return false;
          if (evaluated && o["validation_loss"].is_number() && o.contains("tokens") && o["tokens"].is_number_integer())
            evaluations_[{o["step"], o["tokens"]}] = o["validation_loss"];
          return true;
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
  /// Once for every step and number of tokens: a resumed run may evaluate again what it had evaluated before.
  void evaluation(std::int64_t step, const gmoe::evaluation& e) {
    if (!evaluations_.try_emplace({step, e.tokens}, e.loss).second) return;
    lines_.write({{"step", step},
                  {"validation_loss", e.loss},
                  {"perplexity", e.perplexity()},
                  {"bits_per_byte", e.bits_per_token()},
                  {"tokens", e.tokens}});
  }
  /// The loss on the first `tokens` tokens of the validation text after `step` steps, if it was logged.
  std::optional<double> loss_at(std::int64_t step, gmoe::index_t tokens) const {
    const auto found = evaluations_.find({step, tokens});
    return found == evaluations_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::pair<std::int64_t, gmoe::index_t>, double> evaluations_;
  gmoe::json_lines lines_;
};

}  // namespace examples
