// The sessions of the backend that this file is compiled for, of any variant.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../fingerprint.hpp"
#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/closed_form.hpp"
#include "models.hpp"
#include "official.hpp"
#include "probe_paths.hpp"
#include "session_backend.hpp"
#include "within_budgets.hpp"

namespace examples {

namespace {

class session_on_backend final : public session {
 public:
  explicit session_on_backend(const session_setup& setup)
      : setup_(setup),
        made_(setup.official.empty()
                  ? gmoe::make_model<backend>(card_with(setup.variant, setup.card), setup.shape, setup.how.seed)
                  : load_official<backend>(setup.official)),
        model_(*made_) {
    setup_.shape = model_.shape();
    if (setup.only_model) return;
    if (model_.needs_preparation()) {
      std::vector<std::int64_t> counts(static_cast<std::size_t>(setup.shape.vocab));
      for (std::uint8_t b : setup.train) ++counts[b];
      model_.prepare(counts);
    }
    trainer_.emplace(model_, setup_.train, setup.how, setup.ranks);
  }

  gmoe::step_report step() override { return trainer().step(); }
  bool finished() const override { return !trainer_ || trainer_->finished(); }
  std::int64_t steps_done() const override { return trainer_ ? trainer_->steps_done() : 0; }

  session_report evaluate(gmoe::index_t most_batches) override { return evaluate(setup_.validation, most_batches); }
  session_report evaluate(std::span<const std::uint8_t> text, gmoe::index_t most_batches) override {
    session_report report;
    bool routed = false;  // a form may choose nobody
    for (gmoe::index_t l = 0; l < model_.moe().layers(); ++l) {
      report.blocks.push_back(model_.moe().shape(l).block);
      report.load.emplace_back(static_cast<std::size_t>(model_.moe().shape(l).experts));
    }
    report.loss = gmoe::evaluate(
        model_, text, setup_.how.sequence, setup_.how.batch, most_batches,
        [&](const gmoe::losses<backend>& l) {
          routed = routed || !l.found.routings.empty();
          count_choices(l.found, report.load);
        },
        setup_.ranks);
    routed = gmoe::ranks::any_of(setup_.ranks, routed);
    for (auto& layer : report.load) sum_over_ranks(layer);
    if (!routed) report.blocks.clear(), report.load.clear();
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

  budget_report evaluate_within(const budget_options& how) override { return examples::evaluate_within(model_, how); }

  probe_report probe_paths(const probe_options& how) override { return examples::probe_paths(model_, how); }

  void generate(std::string_view prompt, const gmoe::sampling& how,
                const std::function<void(std::string_view)>& on_text) override {
    const gmoe::byte_tokenizer tokenizer;
    const std::vector<gmoe::id_type> ids = tokenizer.encode(prompt);
    gmoe::generate(model_, std::span<const gmoe::id_type>(ids), how,
                   [&](gmoe::id_type id) { on_text(tokenizer.decode(std::array{id})); });
  }

  std::vector<gmoe::log_likelihood> log_likelihoods(std::span<const gmoe::continuation> pairs,
                                                    const gmoe::likelihood_options& how) override {
    return gmoe::log_likelihoods(model_, pairs, how);
  }
  const gmoe::sizes& shape() const override { return model_.shape(); }

  void save(const std::filesystem::path& file, std::optional<double> validation_loss) override {
    gmoe::save_checkpoint(file, trainer(), setup_.variant, setup_.text_fingerprint, validation_loss);
  }
  void load(const std::filesystem::path& file) override {
    if (trainer_)
      gmoe::load_checkpoint(file, *trainer_, setup_.variant, setup_.text_fingerprint, gmoe::planned_steps::may_differ);
    else
      gmoe::load_model(file, model_, setup_.variant);
  }
  std::string official_obstacle() override { return examples::official_obstacle(model_.card(), model_.shape()); }
  bool save_official(const std::filesystem::path& folder) override {
    if (!official_obstacle().empty()) return false;
    examples::save_official(folder, model_);
    return true;
  }

  parameter_counts count() const override {
    const gmoe::model_cost cost = model_.card().cost(setup_.shape);
    return {cost.total, cost.active, cost.multiply_adds};
  }
  std::string backbone_fingerprint() override {
    fingerprint hash;
    model_.each_parameter([&](const gmoe::parameter<backend>& p) {
      if (!of_backbone(p.name())) return;
      const auto values = p.value().to_host();
      hash.add(std::span<const float>(values));
    });
    return hash.text();
  }
  std::string describe() const override {
    const gmoe::any_card& card = model_.card();
    std::string text = gmoe::describe(setup_.shape, card);
    if (setup_.official.empty() && card.text().name == gmoe::gmoe_card::text.name &&
        card.as<gmoe::gmoe_card>().select.k == 1) {
      const parameter_counts counted = count();
      text += gmoe::concat("  counted ", counted.total, " parameters, ", counted.active, " active; closed form ",
                           gmoe::gmoe_total_parameters(setup_.shape), ", ", gmoe::gmoe_active_parameters(setup_.shape),
                           "\n");
    }
    return text;
  }

 private:
  using model = gmoe::any_model<backend>;

  /// Embeddings, and in every block the norms and attention.
  static bool of_backbone(std::string_view name) {
    if (name == "wte" || name == "wpe" || name.starts_with("ln_f.")) return true;
    if (!name.starts_with("h.")) return false;
    name.remove_prefix(2);
    const std::string_view part = name.substr(std::min(name.find('.'), name.size()));
    return part.starts_with(".ln_1.") || part.starts_with(".attn.") || part.starts_with(".ln_2.");
  }

  static void count_choices(const gmoe::findings<backend>& found, std::vector<std::vector<double>>& load) {
    for (const auto& r : found.routings) {
      // A row is of one mixture, however often it routes: the one that is the layer's decision.
      const auto* decision = gmoe::decision_of_layer(found, r.layer);
      if (decision == nullptr || decision->mixture != r.mixture) continue;
      auto& row = load[static_cast<std::size_t>(r.layer)];
      row.resize(static_cast<std::size_t>(decision->experts));
      for (gmoe::id_type e : r.chosen.to_host())
        if (e != gmoe::no_choice) ++row[static_cast<std::size_t>(e)];
    }
  }

  /// A rank without a batch does not know how many experts a form has routed among.
  void sum_over_ranks(std::vector<double>& counts) const {
    if (setup_.ranks.size() == 1) return;
    gmoe::ranks::message mine;
    mine.put(counts.size());
    mine.put(std::span(std::as_const(counts)));
    counts.clear();
    for (gmoe::ranks::message& m : gmoe::ranks::all_messages(setup_.ranks, mine)) {
      const auto theirs = m.take_many<double>(m.take<std::size_t>());
      counts.resize(std::max(counts.size(), theirs.size()));
      for (std::size_t e = 0; e < theirs.size(); ++e) counts[e] += theirs[e];
    }
  }

  gmoe::trainer<model, std::uint8_t, gmoe::ranks::any>& trainer() {
    gmoe::require(trainer_.has_value(), "there is no text to train on");
    return *trainer_;
  }

  session_setup setup_;
  std::unique_ptr<model> made_;
  model& model_;
  std::optional<gmoe::trainer<model, std::uint8_t, gmoe::ranks::any>> trainer_;
};

using memory_pool = gmoe::pool<backend::memory>;

std::unique_ptr<session> make(const session_setup& setup) { return std::make_unique<session_on_backend>(setup); }
std::size_t peak() { return memory_pool::instance().statistics().peak; }
void release() {
  memory_pool::instance().trim();
  memory_pool::instance().reset_peak();
}

}  // namespace

#if defined(EXAMPLES_THRUST) && defined(__CUDACC__)
backend_sessions cuda_sessions() { return {"cuda", make, peak, release}; }
#elif defined(EXAMPLES_THRUST)
backend_sessions thrust_sessions() { return {"thrust", make, peak, release}; }
#else
backend_sessions eigen_sessions() { return {"eigen", make, peak, release}; }
#endif

}  // namespace examples
