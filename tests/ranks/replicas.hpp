#pragma once
/// The same training run on any communicator, and all that it comes to.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/train/trainer.hpp"
#include "short_run.hpp"

namespace gmoe_test {

inline const gmoe::sizes smallest{
    .vocab = 32, .positions = 8, .d_model = 8, .layers = 2, .heads = 2, .d_ff = 12, .experts = 4, .dropout = 0.1};
/// Four passes, for one rank or four.
inline const gmoe::recipe four_passes{
    .steps = 50, .batch = 2, .sequence = 6, .accumulation = 4, .learning_rate = 1e-2, .seed = 7};

/// Losses, norms and tokens of every step, then every number that is kept.
template <class B>
struct outcome {
  std::vector<double> steps;
  std::vector<typename B::scalar> kept;
  bool operator==(const outcome&) const = default;
};

/// A model and its trainer on one rank.
template <class B, class Ranks>
struct replica {
  using model = gmoe::any_model<B>;
  std::unique_ptr<model> trained;
  gmoe::trainer<model, std::uint8_t, Ranks> run;
  std::string name;

  replica(std::string_view card, const Ranks& ranks, const gmoe::recipe& how = four_passes, std::uint64_t seed = 7)
      : trained(gmoe::make_model<B>(card, smallest, seed)), run(*trained, tokens, how, ranks), name(card) {}

  /// Up to step `until`; what comes of it is added to `to`.
  void train(std::int64_t until, outcome<B>& to) {
    while (run.steps_done() < until) {
      const gmoe::step_report r = run.step();
      to.steps.insert(to.steps.end(),
                      {r.loss, r.language_loss, r.balance_loss, r.gradient_norm, static_cast<double>(r.tokens)});
    }
    to.kept.clear();
    const auto add = [&](const auto& m) {
      const auto values = m.to_host();
      to.kept.insert(to.kept.end(), values.begin(), values.end());
    };
    trained->each_parameter([&](const auto& p) { add(p.value()); });
    trained->each_buffer([&](const auto& b) { add(b.value()); });
    run.optimizer().each_moment([&](const std::string&, const auto& first, const auto& second) {
      add(first);
      add(second);
    });
  }
  void save(const std::filesystem::path& file) { gmoe::save_checkpoint(file, run, name); }
  void load(const std::filesystem::path& file) { gmoe::load_checkpoint(file, run, name); }
};

template <class B, class Ranks = gmoe::ranks::alone>
outcome<B> outcome_of(std::string_view card, std::int64_t steps, const Ranks& ranks = {},
                      const gmoe::recipe& how = four_passes) {
  outcome<B> all;
  replica<B, Ranks>(card, ranks, how).train(steps, all);
  return all;
}

}  // namespace gmoe_test
