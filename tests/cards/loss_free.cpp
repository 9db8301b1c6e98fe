// Sigmoid scores and a shared expert, with and without biases that follow the load, against their equations.
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

/// y = E_s(x) + scale sum over the chosen of s_e / sum s E_e(x), chosen by s + b among the best groups.
struct sigmoid_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2, groups = 1, visited = 1;
  double alpha = 1e-4, scale = 1;
  std::vector<std::vector<double>> bias{};  // of each layer; none: 0
  std::vector<naive::number> balance{};

  std::vector<int> choose(const naive::vec& biased) const {
    const std::size_t n = experts / groups;
    naive::vec of_groups, open = biased;
    for (std::size_t g = 0; g < groups; ++g) {
      const naive::vec members(biased.begin() + static_cast<std::ptrdiff_t>(g * n),
                               biased.begin() + static_cast<std::ptrdiff_t>((g + 1) * n));
      naive::number sum;
      for (const int e : naive::largest(members, std::min<std::size_t>(2, n)))
        sum += members[static_cast<std::size_t>(e)];
      of_groups.push_back(sum);
    }
    std::vector<bool> seen(groups, false);
    for (const int g : naive::largest(of_groups, visited)) seen[static_cast<std::size_t>(g)] = true;
    for (std::size_t e = 0; e < experts; ++e)
      if (!seen[e / n]) open[e] = -1e300;
    return naive::largest(open, k);
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight &w_in = at.w.at("experts.w_in"), &w_out = at.w.at("experts.w_out");
    const std::string local = "h." + std::to_string(at.block) + ".moe.local.";
    naive::mat y;
    naive::number loss;
    for (std::size_t b = 0; b < at.how.batch; ++b) {
      naive::vec f(experts), mean(experts);
      for (std::size_t t = b * at.how.sequence; t < (b + 1) * at.how.sequence; ++t) {
        const naive::vec& x = at.x[t];
        naive::vec s = rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x), biased;
        naive::number all = 1e-9, sum = 1e-9;
        for (naive::number& v : s) all += v = sigmoid(v);
        for (std::size_t e = 0; e < experts; ++e) biased.push_back(s[e] + (bias.empty() ? 0 : bias[at.layer][e]));
        const std::vector<int> chosen = choose(biased);
        for (const int e : chosen) sum += s[static_cast<std::size_t>(e)];
        naive::vec out = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
        for (const int c : chosen) {
          const auto e = static_cast<std::size_t>(c);
          const naive::vec part = naive::expert(w_in, w_out, (at.layer * experts + e) * width, width, x);
          const naive::number w = naive::number(scale) * s[e] / (k == 1 ? naive::number(1) : sum);
          for (std::size_t i = 0; i < x.size(); ++i) out[i] += w * part[i];
          f[e] += static_cast<double>(experts) / static_cast<double>(k * at.how.sequence);
        }
        for (std::size_t e = 0; e < experts; ++e) mean[e] += s[e] / all / static_cast<double>(at.how.sequence);
        record.chosen.push_back(chosen);
        y.push_back(out);
      }
      for (std::size_t e = 0; e < experts; ++e) loss += naive::number(alpha) * f[e] * mean[e];
    }
    record.kept = record.chosen;
    balance.push_back(loss / static_cast<double>(at.how.batch));
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

/// A model after some steps of one batch each, and its biases.
std::vector<std::vector<double>> biases_after(gmoe::language_model<gmoe::loss_free_card, model_backend>& model,
                                              int steps) {
  for (int s = 0; s < steps; ++s) {
    gmoe::step_statistics<model_backend> seen;
    seen.add(losses_of(model, text(2, 5, 11), true).found);
    model.after_step(s, seen);
  }
  std::vector<std::vector<double>> all;
  for (index_t l = 0; l < model.moe().layers(); ++l)
    all.push_back(model.moe().mine<gmoe::slots::select>(l).layer.bias.value().to_host());
  return all;
}

}  // namespace

TEST_CASE("cards/sigmoid-shared: its equations, differences, token by token") {
  card_case c{.card = "sigmoid-shared"};
  check_equations(c, sigmoid_equations{});
  sigmoid_equations one;
  one.k = 1;
  one.alpha = 0.7;
  one.scale = 2.5;
  c.set = {{"select.k", "1"}, {"balance.alpha", "0.7"}, {"gate.scale", "2.5"}};
  check_equations(c, one);
  c.training = false;
  check_equations(c, one);
  one.k = 4;
  c.set[0].second = "4";
  check_equations(c, one);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  check_same({.card = "sigmoid-shared"}, {.card = "loss-free"});  // before the first step
  c = {.card = "sigmoid-shared", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  sigmoid_equations alone;
  alone.k = alone.experts = 1;
  check_equations(c, alone);
}

TEST_CASE("cards/loss-free: groups of experts, differences, token by token") {
  card_case c{.card = "loss-free", .set = {{"select.groups", "3"}, {"select.visited", "2"}, {"balance.alpha", "0.5"}}};
  c.shape.experts = 6;
  sigmoid_equations groups;
  groups.experts = 6;
  groups.groups = 3;
  groups.visited = 2;
  groups.alpha = 0.5;
  check_equations(c, groups);
  c.set[1].second = "1";
  groups.visited = 1;
  for (const auto& r : check_equations(c, groups).routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size() / 2; ++t) CHECK(chosen[2 * t] / 2 == chosen[2 * t + 1] / 2);
  }
  check_reading(c);
  c.shape.layers = 2;
  check_gradients(c);
  c.set = {{"select.groups", "6"}, {"select.visited", "2"}};  // groups of one: the two best
  groups = {};
  groups.experts = groups.groups = 6;
  groups.visited = 2;
  check_equations(c, groups);
}

TEST_CASE("cards/loss-free: biases follow the load, decide, and have no gradient") {
  gmoe::language_model<gmoe::loss_free_card, model_backend> model(
      small_sizes(), gmoe::card<gmoe::loss_free_card>(gmoe::biased_top_k{.rate = 0.2, .frozen_after = 3}));
  randomise(model);
  const text t(2, 5, 11);
  gmoe::step_statistics<model_backend> seen;
  seen.add(losses_of(model, t, true).found);
  seen.add(losses_of(model, t, true).found);  // a step of two passes
  std::vector<std::vector<double>> expected;
  for (index_t l = 0; l < 3; ++l) {
    expected.emplace_back();
    for (const index_t load : seen.of(l, 4).load) expected.back().push_back(load > 10 ? -0.2 : load < 10 ? 0.2 : 0);
  }
  model.after_step(0, seen);
  CHECK(biases_after(model, 0) == expected);

  sigmoid_equations equations;
  equations.bias = biases_after(model, 3);
  CHECK(biases_after(model, 0) != expected);
  compare_with_naive(model, equations, {true, true, true}, t, true);
  seen.clear();
  seen.add(losses_of(model, t, true).found);
  model.after_step(3, seen);  // frozen
  CHECK(biases_after(model, 0) == equations.bias);
  check_padding(model, true);
}

TEST_CASE("cards/loss-free: groups that do not fit") {
  card_case c{.card = "loss-free", .set = {{"select.groups", "3"}}};
  CHECK(refusal(c) == "select.groups is 3, expected a divisor of the layer's 4 experts");
  c.set = {{"select.groups", "2"}, {"select.visited", "3"}};
  CHECK(refusal(c) == "select.visited is 3, expected at most select.groups, 2");
  c.set = {{"select.groups", "4"}, {"select.visited", "1"}};
  CHECK(refusal(c) == "select.k asks for 2 experts, but the 1 groups that a token visits have 1");
  CHECK(config_message([] {
          card_of({.card = "loss-free", .set = {{"select.rate", "-1"}}});
        }) == "select.rate is -1, expected 0 or more");
}
