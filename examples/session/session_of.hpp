#pragma once
/// The session of one card on the backend that this file is compiled for: what each file in this folder instantiates
/// for some of the cards.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../fingerprint.hpp"
#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/io/official_save.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/closed_form.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/language_model.hpp"
#include "session_backend.hpp"

namespace examples {

template <class Card, class Backend>
class session_of final : public session {
 public:
  explicit session_of(const session_setup& setup)
      : setup_(setup), model_(setup.shape, card_with<Card>(setup.card), setup.how.seed) {
    if (setup.only_model) return;
    if (model_.needs_preparation()) {
      std::vector<std::int64_t> counts(static_cast<std::size_t>(setup.shape.vocab));
      for (std::uint8_t b : setup.train) ++counts[b];
      model_.prepare(counts);
    }
    trainer_.emplace(model_, setup_.train, setup.how);
  }

  gmoe::step_report step() override { return trainer().step(); }
  bool finished() const override { return !trainer_ || trainer_->finished(); }
  std::int64_t steps_done() const override { return trainer_ ? trainer_->steps_done() : 0; }

  session_report evaluate(gmoe::index_t most_batches) override { return evaluate(setup_.validation, most_batches); }
  session_report evaluate(std::span<const std::uint8_t> text, gmoe::index_t most_batches) override {
    session_report report;
    for (gmoe::index_t l = 0; l < model_.moe().layers(); ++l) {
      report.blocks.push_back(model_.moe().shape(l).block);
      report.load.emplace_back(static_cast<std::size_t>(model_.moe().shape(l).experts));
    }
    report.loss = gmoe::evaluate(model_, text, setup_.how.sequence, setup_.how.batch, most_batches,
                                 [&](const gmoe::losses<Backend>& l) { count_choices(l.found, report.load); });
    for (auto& layer : report.load) {
      double total = 0;
      for (double c : layer) total += c;
      for (double& c : layer) c /= std::max(total, 1.0);
    }
    return report;
  }

  gmoe::routing_record record(const gmoe::record_options& how) override {
    return gmoe::record_routing(model_, setup_.validation, how);
  }

  void generate(std::string_view prompt, const gmoe::sampling& how,
                const std::function<void(std::string_view)>& on_text) override {
    const gmoe::byte_tokenizer tokenizer;
    const std::vector<gmoe::id_type> ids = tokenizer.encode(prompt);
    gmoe::generate(model_, std::span<const gmoe::id_type>(ids), how,
                   [&](gmoe::id_type id) { on_text(tokenizer.decode(std::array{id})); });
  }

  void save(const std::filesystem::path& file, std::optional<double> validation_loss) override {
    gmoe::save_checkpoint(file, trainer(), setup_.variant, setup_.text_fingerprint, validation_loss);
  }
  void load(const std::filesystem::path& file) override {
    if (trainer_)
      gmoe::load_checkpoint(file, *trainer_, setup_.variant, setup_.text_fingerprint, gmoe::planned_steps::may_differ);
    else
      gmoe::load_model(file, model_, setup_.variant);
  }
  std::string official_obstacle() override {
    try {
      gmoe::official_config_of(model_);
      return "";
    } catch (const gmoe::config_error& e) {
      return e.what();
    }
  }
  bool save_official(const std::filesystem::path& folder) override {
    if (!official_obstacle().empty()) return false;
    if constexpr (gmoe::official<Card>) gmoe::save_official(folder, model_);
    return true;
  }

  parameter_counts count() const override {
    const gmoe::model_cost cost = gmoe::cost_of<Card>(setup_.shape, model_.card());
    return {cost.total, cost.active, cost.multiply_adds};
  }
  std::string backbone_fingerprint() override {
    fingerprint hash;
    model_.each_parameter([&](const gmoe::parameter<Backend>& p) {
      if (!of_backbone(p.name())) return;
      const auto values = p.value().to_host();
      hash.add(std::span<const float>(values));
    });
    return hash.text();
  }
  std::string describe() const override {
    const Card& card = model_.card();
    std::string text = gmoe::describe<Card>(setup_.shape, card);
    if constexpr (std::is_same_v<Card, gmoe::gmoe_card>)
      if (card.select.k == 1) {
        const parameter_counts counted = count();
        text += gmoe::concat("  counted ", counted.total, " parameters, ", counted.active, " active; closed form ",
                             gmoe::gmoe_total_parameters(setup_.shape), ", ",
                             gmoe::gmoe_active_parameters(setup_.shape), "\n");
      }
    return text;
  }

 private:
  using model = gmoe::language_model<Card, Backend>;

  /// Embeddings, and in every block the norms and attention.
  static bool of_backbone(std::string_view name) {
    if (name == "wte" || name == "wpe" || name.starts_with("ln_f.")) return true;
    if (!name.starts_with("h.")) return false;
    name.remove_prefix(2);
    const std::string_view part = name.substr(std::min(name.find('.'), name.size()));
    return part.starts_with(".ln_1.") || part.starts_with(".attn.") || part.starts_with(".ln_2.");
  }

  static void count_choices(const gmoe::findings<Backend>& found, std::vector<std::vector<double>>& load) {
    for (const auto& r : found.routings) {
      if (!r.mixture.empty()) continue;  // a row is a layer's own mixture, not one that its form holds
      for (gmoe::id_type e : r.chosen.to_host())
        if (e != gmoe::no_choice) ++load[static_cast<std::size_t>(r.layer)][static_cast<std::size_t>(e)];
    }
  }

  gmoe::trainer<model, std::uint8_t>& trainer() {
    gmoe::require(trainer_.has_value(), "there is no text to train on");
    return *trainer_;
  }

  session_setup setup_;
  model model_;
  std::optional<gmoe::trainer<model, std::uint8_t>> trainer_;
};

template <class Card, class Backend>
std::unique_ptr<session> make_session_of(const session_setup& setup) {
  return std::make_unique<session_of<Card, Backend>>(setup);
}

}  // namespace examples
