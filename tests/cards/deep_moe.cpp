// Two dense mixtures, one upon the other, and experts that rest, against their equations.
#include "cards/scoring_equations.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

struct deep_equations : naive::mixture {
  std::size_t experts = 4, width = 12;
  std::vector<std::vector<bool>> open{};  // of each level of each layer; none: all

  naive::mat level(const naive::call& at, const std::string& name, std::size_t number, const naive::mat& in,
                   naive::layer_record& record) const {
    const std::string router = "form." + name + ".router." + std::to_string(at.layer) + ".";
    naive::mat y;
    for (const naive::vec& x : in) {
      naive::vec h = rows_times(at.w.at(router + "w_in"), x);
      for (std::size_t u = 0; u < h.size(); ++u) h[u] = relu(h[u] + at.w.at(router + "bias_in")[u]);
      naive::vec z = rows_times(at.w.at(router + "w_out"), h), e(experts), out(x.size());
      naive::number sum;
      std::vector<int> chosen;
      for (std::size_t i = 0; i < experts; ++i)
        if (open.empty() || open[2 * at.layer + number][i]) {
          sum += e[i] = exp(z[i] + at.w.at(router + "bias_out")[i]);
          chosen.push_back(static_cast<int>(i));
        }
      std::stable_sort(chosen.begin(), chosen.end(), [&](int a, int b) {
        return e[static_cast<std::size_t>(a)].value() > e[static_cast<std::size_t>(b)].value();
      });
      for (const int c : chosen) {
        const auto i = static_cast<std::size_t>(c);
        const naive::vec part =
            naive::expert(at.w.at("form." + name + ".experts.w_in"), at.w.at("form." + name + ".experts.w_out"),
                          (at.layer * experts + i) * width, width, x);
        for (std::size_t j = 0; j < x.size(); ++j) out[j] += e[i] / sum * part[j];
      }
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    return y;
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    record.rounds.resize(2);
    return level(at, "second", 1, level(at, "first", 0, at.x, record.rounds[0]), record.rounds[1]);
  }
};

}  // namespace

TEST_CASE("cards/deep-moe: its equations, differences, token by token") {
  card_case c{.card = "deep-moe"};
  check_equations(c, deep_equations{});
  c.set = {{"form.first.router.hidden", "5"}};
  c.training = false;
  check_equations(c, deep_equations{});
  check_reading(c);
  c.training = true;
  c.shape.layers = 1;
  check_gradients(c);
  c.shape.experts = 1;
  deep_equations one;
  one.experts = 1;
  check_equations(c, one);
}

TEST_CASE("cards/deep-moe: experts that had more than their part rest, until the constraint is dropped") {
  using B = model_backend;
  gmoe::deep_moe_card card;
  card.form.first.candidates = {.margin = 0.05, .steps = 2};
  card.form.second.candidates = card.form.first.candidates;
  gmoe::language_model<gmoe::deep_moe_card, B> model(small_sizes(), card);
  randomise(model);
  const text t(2, 5, 11);
  std::vector<std::vector<double>> totals(6, std::vector<double>(4, 0));
  deep_equations equations;
  for (std::int64_t step = 0; step < 2; ++step) {
    const auto found = compare_with_naive(model, equations, {true, true, true}, t, true);
    gmoe::step_statistics<B> seen;
    seen.add(found);
    model.after_step(step, seen);
    equations.open.clear();
    bool rests = false;
    for (std::size_t i = 0; i < 6; ++i) {
      const auto scores = found.routings[i].scores.value().to_host();
      for (std::size_t j = 0; j < scores.size(); ++j) totals[i][j % 4] += scores[j];
      double mean = 0;
      for (const double g : totals[i]) mean += g / 4;
      std::vector<bool> open;
      for (const double g : totals[i]) open.push_back(g <= 1.05 * mean);
      rests = rests || std::count(open.begin(), open.end(), false) > 0;
      equations.open.push_back(open);
    }
    CHECK(rests);
  }
  compare_with_naive(model, equations, {true, true, true}, t, true);
  gmoe::context<B> later;
  later.training = true;
  for (const auto& r : model.loss(later, t.on<B>(11)).found.routings) CHECK(!r.mask.empty());
  later.step = 2;
  for (const auto& r : model.loss(later, t.on<B>(11)).found.routings) CHECK(r.mask.empty());
  equations.open.clear();
  compare_with_naive(model, equations, {true, true, true}, t, false);
}
