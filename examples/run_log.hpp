#pragma once
/// The machine-readable log of a run: a JSON object per line.

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>

#include "fields_json.hpp"
#include "gmoe/io/json_lines.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"

namespace examples {

/// What the first line of a log says of the run: everything that it depends on but its length, which may grow.
inline nlohmann::json log_header(const std::string& variant, const gmoe::sizes& shape, const nlohmann::json& card,
                                 const gmoe::recipe& how) {
  nlohmann::json header{{"format", "gmoe log 2"},
                        {"variant", variant},
                        {"sizes", fields_json(shape)},
                        {"card", card},
                        {"recipe", fields_json(how)}};
  header["recipe"].erase("steps");
  return header;
}

class run_log {
 public:
  /// Continues the log of a run that is resumed at `step`; what was logged from there on is dropped. Throws file_error
  /// if the log says that it is of a run with another header.
  run_log(const std::filesystem::path& path, std::int64_t step, const nlohmann::json& header)
      : lines_(path, [&, step](const nlohmann::json& o) {
          if (o.contains("format")) {
            check(o, header, gmoe::in_quotes(path.string(), 4096));
            return has_header_ = true;
          }
          ++others_;
          // An evaluation after `step` steps belongs to the part that is kept.
          const bool evaluated = o.contains("validation_loss");
          if (!o.contains("step") || !o["step"].is_number_integer()) return false;
          if (evaluated ? o["step"] > step : o["step"] >= step) return false;
          if (evaluated && o["validation_loss"].is_number() && o.contains("tokens") && o["tokens"].is_number_integer())
            evaluations_[{o["step"], o["tokens"], o.contains("text") ? o["text"].dump() : ""}] = o["validation_loss"];
          return true;
        }) {
    if (!has_header_ && others_ == 0) lines_.write(header);
  }

  /// A log of version 0.1: it begins with the first step.
  bool without_header() const { return !has_header_ && others_ > 0; }

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
  /// On the validation text, or a further one that has a name. Once for every step and number of tokens: a resumed run
  /// may evaluate again what it had evaluated before.
  void evaluation(std::int64_t step, const gmoe::evaluation& e, const std::string& text = "") {
    const nlohmann::json name = text;
    if (!evaluations_.try_emplace({step, e.tokens, text.empty() ? "" : name.dump()}, e.loss).second) return;
    nlohmann::json line{{"step", step},
                        {"validation_loss", e.loss},
                        {"perplexity", e.perplexity()},
                        {"bits_per_byte", e.bits_per_token()},
                        {"tokens", e.tokens}};
    if (!text.empty()) line["text"] = name;
    lines_.write(line);
  }
  /// The loss on the first `tokens` tokens of the validation text after `step` steps, if it was logged.
  std::optional<double> loss_at(std::int64_t step, gmoe::index_t tokens) const {
    const auto found = evaluations_.find({step, tokens, ""});
    return found == evaluations_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  /// Names the first difference.
  static void check(const nlohmann::json& found, const nlohmann::json& header, const std::string& where) {
    const nlohmann::json theirs = found.flatten(), mine = header.flatten();
    for (const auto& [key, value] : mine.items()) {
      std::string name = key.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      const auto other = theirs.find(key);
      const std::string found_text = other == theirs.end() ? "missing" : gmoe::shown(*other);
      gmoe::require<gmoe::file_error>(other != theirs.end() && *other == value, where, ": this log's ", name, " is ",
                                      found_text, ", but this run's is ", gmoe::shown(value), "; move the log away");
    }
  }

  bool has_header_ = false;
  std::int64_t others_ = 0;
  std::map<std::tuple<std::int64_t, gmoe::index_t, std::string>, double> evaluations_;  ///< step, tokens, text
  gmoe::json_lines lines_;
};

}  // namespace examples
