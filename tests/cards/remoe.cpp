// Experts with a positive score, and a loss whose weight is steered, against their equations.
#include "cards/check.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

/// y = sum over s_e > 0 of s_e E_e(x), s = max(W x, 0).
struct remoe_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double lambda = 1e-8;
  bool by_load = true;
  std::vector<naive::number> balance{};

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y, s;
    std::vector<double> count(experts, 0);
    for (const naive::vec& x : at.x) {
      naive::vec out(x.size()), score;
      std::vector<int> chosen;
      for (const naive::number& z : rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x))
        score.push_back(relu(z));
      for (std::size_t e = 0; e < experts; ++e) {
        if (score[e].value() <= 0) continue;
        chosen.push_back(static_cast<int>(e));
        ++count[e];
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += score[e] * part[i];
      }
      s.push_back(score);
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    const double tokens = static_cast<double>(at.x.size());
    naive::number loss;
    for (const naive::vec& score : s)
      for (std::size_t e = 0; e < experts; ++e)
        loss +=
            naive::number(lambda / tokens) *
            naive::number(by_load ? static_cast<double>(experts) / (static_cast<double>(k) * tokens) * count[e] : 1) *
            score[e];
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace

TEST_CASE("cards/remoe: its equations, differences, token by token, padding") {
  card_case c{.card = "remoe", .set = {{"balance.start", "0.3"}}};
  remoe_equations equations;
  equations.lambda = 0.3;
  std::vector<index_t> tokens(5, 0);  // by how many experts they have
  for (const auto& r : check_equations(c, equations).routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size(); t += 4)
      ++tokens[static_cast<std::size_t>(4 - std::count(chosen.begin() + static_cast<std::ptrdiff_t>(t),
                                                       chosen.begin() + static_cast<std::ptrdiff_t>(t + 4),
                                                       gmoe::no_choice))];
  }
  CHECK(tokens[0] > 0);  // some have none, some have more than the aim
  CHECK(tokens[3] + tokens[4] > 0);
  c.set.push_back({"balance.by_load", "false"});
  c.set.push_back({"balance.k", "1"});
  equations.by_load = false;
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.set.pop_back();
  c.set.pop_back();
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  c = {.card = "remoe", .set = {{"balance.k", "1"}}};
  c.shape.experts = 1;
  remoe_equations alone;
  alone.experts = alone.k = 1;
  check_equations(c, alone);
  gmoe::language_model<gmoe::remoe_card, model_backend> model(small_sizes());
  randomise(model);
  check_padding(model, true);
}

TEST_CASE("cards/remoe: the weight follows the share of zeros, all layers together") {
  gmoe::language_model<gmoe::remoe_card, model_backend> model(
      small_sizes(), gmoe::card<gmoe::remoe_card>(gmoe::steered_sparsity{.start = 0.5, .factor = 3}));
  const auto step = [&](double positive) {
    gmoe::step_statistics<model_backend> seen;
    model.each_parameter([&](gmoe::parameter<model_backend>& p) {  // gates that say the same of all, by the norm's bias
      if (p.name().ends_with("ln_2.weight")) p.value() = gmoe::matrix<model_backend>::filled(1, 8, 0.0);
      if (p.name().ends_with("ln_2.bias")) p.value() = gmoe::matrix<model_backend>::filled(1, 8, 1.0);
      if (p.name().ends_with(".gate")) {
        std::vector<double> w(32, -1);
        std::fill_n(w.begin(), static_cast<std::ptrdiff_t>(8 * positive), 1.0);
        p.value() = gmoe::matrix<model_backend>::from_host(w, 4, 8);
      }
    });
    seen.add(losses_of(model, text(2, 5, 11), true).found);
    model.after_step(0, seen);
    return model.moe().mine<gmoe::slots::balance>(0).shared.weight.value().item();
  };
  CHECK(step(3) == doctest::Approx(1.5));  // more than two: dearer, once for all three layers
  CHECK(step(4) == doctest::Approx(4.5));
  CHECK(step(2) == doctest::Approx(4.5));  // as wanted
  CHECK(step(1) == doctest::Approx(1.5));
  CHECK(step(0) == doctest::Approx(0.5));
}

TEST_CASE("cards/remoe: an aim beyond the experts") {
  CHECK(refusal({.card = "remoe", .set = {{"balance.k", "5"}}}) ==
        "balance.k is 5, expected at most the layer's 4 experts");
  CHECK(gmoe::cost_of<gmoe::remoe_card>(small_sizes()).active == gmoe::cost_of<gmoe::smoe_card>(small_sizes()).active);
}
