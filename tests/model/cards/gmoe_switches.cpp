// GMoE with everything that its family suggests, in one card, against loops over tokens: a narrow router state, a
// router shared by blocks of layers, a depth embedding, one balance for all layers.

#include "gmoe/model/cards/forms.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/router/by_block.hpp"
#include "gmoe/moe/router/narrow.hpp"
#include "moe_checks.hpp"

using namespace gmoe_test;
using gmoe::index_t;
using naive::mat;
using naive::number;
using naive::vec;

namespace {

using switched_card =
    gmoe::with<gmoe::gmoe_card,
               gmoe::by_block<gmoe::narrow<gmoe::global_router<gmoe::hidden_state, gmoe::propagated_logits>>>,
               gmoe::depth_modulated, gmoe::joint_switch_loss>;

constexpr std::size_t block = 2, state = 5, experts = 4, width = 12;
constexpr double alpha = 0.3;

switched_card switched() {
  switched_card card{};
  card.router.block = static_cast<index_t>(block);
  card.router.of.width = static_cast<index_t>(state);
  card.balance.alpha = alpha;
  return card;
}

struct switched_equations : naive::mixture {
  mat h, z, f, mean;

  mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t tokens = at.x.size(), group = at.layer / block;
    if (h.empty()) {
      h.assign(tokens, vec(state));
      z.assign(tokens, vec(experts));
    }
    const std::string router = group == 0 ? "router." : "router.group." + std::to_string(group) + ".";
    const std::string here = "h." + std::to_string(at.block) + ".moe.";
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at(router + name); };
    f.emplace_back(experts);
    mean.emplace_back(experts);
    mat y;
    for (std::size_t t = 0; t < tokens; ++t) {
      vec x = at.x[t];  // x' = x + dep
      for (std::size_t c = 0; c < x.size(); ++c) x[c] += at.w.at(here + "form.depth_bias")[c];
      h[t] = naive::gru(naive::rows_times(w("down"), x), h[t], w("gru.weight_ih"), w("gru.weight_hh"), w("gru.bias_ih"),
                        w("gru.bias_hh"));
      vec features = naive::layer_norm(h[t], w("h_ln.weight"), w("h_ln.bias"), at.how.epsilon), before = z[t];
      for (number& n : before) n = naive::constant(n);
      const vec e = naive::rows_times(w("prev_score_proj"), naive::layer_norm(before, w("prev_score_ln.weight"),
                                                                              w("prev_score_ln.bias"), at.how.epsilon));
      features.insert(features.end(), e.begin(), e.end());
      z[t] = naive::rows_times(w("gate_head"), features);
      const vec p = naive::softmax(z[t]);
      const std::vector<int> chosen = naive::largest(p, 1);
      const auto best = static_cast<std::size_t>(chosen[0]);
      vec out = naive::expert(at.w.at(here + "local.w_in"), at.w.at(here + "local.w_out"), 0, width, x);
      const vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), best * width, width, x);
      for (std::size_t c = 0; c < x.size(); ++c) out[c] += p[best] * part[c];
      f.back()[best] += 1.0 / static_cast<double>(tokens);
      for (std::size_t i = 0; i < experts; ++i) mean.back()[i] += p[i] / static_cast<double>(tokens);
      record.logits.push_back(z[t]);
      record.scores.push_back(p);
      record.chosen.push_back(chosen);
      record.weights.push_back({p[best]});
      y.push_back(out);
    }
    record.kept = record.chosen;
    return y;
  }
  std::map<std::string, number> losses() override {
    const double layers = static_cast<double>(f.size());
    number sum;
    for (std::size_t e = 0; e < experts; ++e) {
      number share = 0, score = 0;
      for (std::size_t l = 0; l < f.size(); ++l) share += f[l][e] / layers, score += mean[l][e] / layers;
      sum += number(alpha * static_cast<double>(experts)) * share * score;
    }
    return {{"balance", sum}};
  }
};

}  // namespace

TEST_CASE("model/cards: GMoE's switches together, against loops: losses, routing and every gradient") {
  gmoe::language_model<switched_card, model_backend> model(small_sizes(), switched());  // the second block is one layer
  randomise(model);
  CHECK(named(model, "router.group.1.gru.weight_hh").cols() == 5);
  for (const bool training : {true, false}) {
    switched_equations equations;
    compare_with_naive(model, equations, {true, true, true}, text(2, 5, 11), training, false, 1e-10);
  }
}
