// What a number of experts that differs from token to token costs: expert choice and top-p over many experts against
// top-k with as many pairs, and against a token asking all of them. Time and memory follow the pairs, not the slots.

#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/softmax.hpp"
#include "measure.hpp"
#include "memory_use.hpp"
#include "options.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;

namespace {

struct layer_size {
  index_t tokens, experts, d, units;
};

/// One mixture, forward and backward: choices from given scores, pairs, experts.
class mixture {
 public:
  using rule = std::function<id_matrix<B>(const matrix<B>& scores)>;

  mixture(const layer_size& s, rule choose)
      : choose_(std::move(choose)),
        bank_(builder<B>(1), s.d, std::vector<index_t>(static_cast<std::size_t>(s.experts), s.units), 0.02),
        visible_(static_cast<std::size_t>(s.experts)),
        x_(s.tokens, s.d),
        scores_(s.tokens, s.experts) {
    std::iota(visible_.begin(), visible_.end(), id_type{0});
    B::fill_uniform(x_.view(), -1, 1, random_stream(2));
    matrix<B> z(s.tokens, s.experts);
    B::fill_uniform(z.view(), 0, 12, random_stream(3));
    B::softmax_rows(scores_.view(), z.view());
  }
  /// Returns how many pairs there were.
  index_t step() {
    const dispatch<B> pairs = sort_by_expert(choose_(scores_), scores_.cols());
    const variable<B> x(x_, &tape_, true), w_in(bank_.w_in(), &tape_), w_out(bank_.w_out(), &tape_);
    tape_.backward(sum(apply_experts(relu_expert{}, x, {}, &pairs, w_in, w_out, bank_.layout(visible_))));
    return pairs.count();
  }
  /// Megabytes beyond what is there anyway that a step holds at once.
  double peak() {
    step();
    host_pool().reset_peak();
    const std::size_t before = host_pool().statistics().in_use;
    step();
    return static_cast<double>(host_pool().statistics().peak - before) / 1e6;
  }

 private:
  rule choose_;
  expert_bank<B> bank_;
  std::vector<id_type> visible_;
  matrix<B> x_, scores_;
  tape<B> tape_;
};

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, "Mixtures whose tokens ask different numbers of experts.", {quick_option},
                    {json_option, threads_option});
    if (o.has("--threads")) B::set_threads(static_cast<int>(o.number("--threads", 1)));
    const int rounds = o.has("--quick") ? 3 : 11;
    nlohmann::ordered_json results;
    results["environment"] = environment_json();
    print_environment();
    std::printf("%-44s %-20s %8s %10s %8s %10s %8s\n", "", "", "pairs", "ms", "ratio", "peak MB", "ratio");
    for (const layer_size s : {layer_size{1024, 64, 128, 128}, layer_size{1024, 64, 256, 512}}) {
      const index_t k = 2, n = s.experts, all = s.tokens * k;
      const auto top_k = [](index_t slots) { return [=](const matrix<B>& p) { return choose_top_k(p, slots); }; };
      const std::pair<const char*, mixture::rule> rules[] = {
          {"top-2 in 2 slots", top_k(k)},
          {"expert choice",
           [=](const matrix<B>& p) { return choices_of_rows(choose_rows(p, all / n, p.rows()), p.rows(), n); }},
          {"the batch's best", [=](const matrix<B>& p) { return choose_pairs(p, all); }},
          {"top-p", [=](const matrix<B>& p) { return choose_top_p(p, 0.25, n); }},
          {"all", top_k(n)}};
      std::vector<std::unique_ptr<mixture>> mixtures;
      std::vector<double> peaks;
      std::vector<std::function<void()>> steps;
      for (const auto& r : rules) {
        mixture* const m = mixtures.emplace_back(std::make_unique<mixture>(s, r.second)).get();
        peaks.push_back(m->peak());
        steps.push_back([m] { m->step(); });
      }
      const auto samples = in_turns(rounds, steps);
      const std::string what = concat(s.tokens, " tokens, ", n, " experts of ", s.d, " x ", s.units);
      for (std::size_t i = 0; i < mixtures.size(); ++i) {
        const index_t pairs = mixtures[i]->step();
        const double ms = 1e3 * summarise(samples[i]).median, ratio = ratio_of(samples[i], samples[0]).median;
        std::printf("%-44s %-20s %8td %10.2f %8.2f %10.1f %8.2f\n", what.c_str(), rules[i].first, pairs, ms, ratio,
                    peaks[i], peaks[i] / peaks[0]);
        results["pairs"].push_back({{"what", what},
                                    {"rule", rules[i].first},
                                    {"pairs", pairs},
                                    {"ms", ms},
                                    {"ratio", ratio},
                                    {"peak_mb", peaks[i]},
                                    {"peak_ratio", peaks[i] / peaks[0]}});
      }
    }
    write_json(o, results);
  });
}
