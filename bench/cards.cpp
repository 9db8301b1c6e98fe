// Every card's training step beside that of the usual mixture, smoe: time, arithmetic, and time per arithmetic as a
// ratio. The two run in turns, so that what is compared was measured within the same seconds.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "subjects.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;

namespace {

/// A model in training on a synthetic text, its card chosen by name.
class card_run {
 public:
  card_run(const std::string& name, const subject& s)
      : what_(s),
        card_(make_card(name)),
        model_(make_model<B>(card_, s.shape)),
        text_(synthetic_text(s.shape.vocab, 64 * s.batch * s.sequence + 1)) {
    if (model_->needs_preparation()) {
      std::vector<std::int64_t> counts(static_cast<std::size_t>(s.shape.vocab));
      for (const id_type id : text_) ++counts[static_cast<std::size_t>(id)];
      model_->prepare(counts);
    }
    train_.emplace(*model_, std::span<const id_type>(text_),
                   recipe{.steps = 1'000'000, .batch = s.batch, .sequence = s.sequence, .learning_rate = 1e-3});
  }

  void step() { train_->step(); }
  index_t tokens() const { return what_.batch * what_.sequence; }
  model_cost cost() const { return card_.cost(what_.shape); }
  double flops() const {
    return static_cast<double>(tokens()) * training_flops_per_token(cost().multiply_adds, what_.shape, what_.sequence);
  }
  /// Experts that a token visits in all mixtures together: in a pass over the first batch, as the model is now.
  double visits() const {
    double pairs = 0;
    evaluate(*model_, std::span<const id_type>(text_), what_.sequence, what_.batch, 1, [&](const losses<B>& l) {
      for (const auto& r : l.found.routings) {
        const std::vector<id_type> kept = r.kept.to_host();
        pairs +=
            static_cast<double>(kept.size()) - static_cast<double>(std::count(kept.begin(), kept.end(), no_choice));
      }
    });
    return pairs / static_cast<double>(tokens());
  }

 private:
  subject what_;
  any_card card_;
  std::unique_ptr<any_model<B>> model_;
  std::vector<id_type> text_;
  std::optional<trainer<any_model<B>, id_type>> train_;
};

std::vector<std::string> chosen_cards(const std::string& list) {
  std::vector<std::string> names;
  if (list == "all") {
    for (const card_text& t : all_cards::texts) names.emplace_back(t.name);
    return names;
  }
  std::istringstream words(list);
  for (std::string name; std::getline(words, name, ',');) names.push_back(name);
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv,
                    "A training step of every card beside one of the baseline: time per active arithmetic, as a ratio.",
                    {quick_option},
                    {json_option,
                     {"--cards", "names, comma-separated, or all (the default)"},
                     {"--baseline", "card that the others are held against: smoe"},
                     {"--size", "course (the default), mid, small_256 or small_1024"},
                     {"--warm-up", "steps before measuring; what learns to be sparse needs some"},
                     rounds_option,
                     threads_option,
                     {"--vocab", "instead of the size's"},
                     {"--d-model", "likewise"},
                     {"--layers", "likewise"},
                     {"--heads", "likewise"},
                     {"--d-ff", "likewise"},
                     {"--experts", "likewise"},
                     {"--batch", "likewise"},
                     {"--sequence", "likewise"}});
    if (o.has("--threads")) B::set_threads(static_cast<int>(o.number("--threads", 1)));
    const int rounds = static_cast<int>(o.number("--rounds", o.has("--quick") ? 5 : 15));
    const index_t warm_up = o.number("--warm-up", 2);
    const std::string size = o.text("--size", "course"), base_name = o.text("--baseline", "smoe");
    const auto sizes = subjects();
    const auto found = std::find_if(sizes.begin(), sizes.end(), [&](const subject& s) { return s.name == size; });
    require(found != sizes.end(), "--size is ", in_quotes(size), ", expected course, mid, small_256 or small_1024");
    const subject s = own_subject(*found, o);

    nlohmann::ordered_json results;
    results["environment"] = environment_json();
    print_environment();
    std::printf("size %s: %td x %td tokens, d_model %td, %td blocks, %td experts of %td units; beside %s\n\n",
                size.c_str(), s.batch, s.sequence, s.shape.d_model, s.shape.layers, s.shape.experts, s.shape.d_ff,
                base_name.c_str());
    std::printf("%-22s %9s %9s %9s %9s %16s %9s %9s\n", "card", "step ms", base_name.c_str(), "time", "flops",
                "time per flop", "visits", "active M");
    card_run base(base_name, s);
    for (index_t i = 0; i < warm_up; ++i) base.step();
    for (const std::string& name : chosen_cards(o.text("--cards", "all"))) {
      card_run run(name, s);
      for (index_t i = 0; i < warm_up; ++i) run.step();
      const auto samples = in_turns(rounds, {[&] { run.step(); }, [&] { base.step(); }});
      const summary time = ratio_of(samples[0], samples[1]);
      const double flops = run.flops() / base.flops(), per_flop = time.median / flops;
      const double visits = run.visits();
      const auto cost = run.cost();
      std::printf("%-22s %9.2f %9.2f %9.2f %9.2f %9.2f +- %3.0f%% %9.2f %9.2f\n", name.c_str(),
                  1e3 * summarise(samples[0]).median, 1e3 * summarise(samples[1]).median, time.median, flops, per_flop,
                  100 * time.spread(), visits, static_cast<double>(cost.active) / 1e6);
      std::fflush(stdout);
      results["cards"].push_back({{"card", name},
                                  {"step_ms", 1e3 * summarise(samples[0]).median},
                                  {"baseline_ms", 1e3 * summarise(samples[1]).median},
                                  {"time", time.median},
                                  {"flops", flops},
                                  {"time_per_flop", per_flop},
                                  {"spread", time.spread()},
                                  {"visits_per_token", visits},
                                  {"active", cost.active}});
    }
    write_json(o, results);
  });
}
