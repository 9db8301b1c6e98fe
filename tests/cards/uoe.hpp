#pragma once
/// The equations of uoe: Slices of one dense layer as experts.

#include "cards/pool_equations.hpp"

namespace gmoe_test {

/// Slices, a bias for hidden units and one for the output; k p / sum p or 1 as weights; a quota; the prefix's decision.
struct uoe_equations : pool_equations {
  double alpha = 0.01, share = 0.5;
  bool by_prefix = false;

  explicit uoe_equations(const std::vector<std::size_t>& slices, std::size_t layers = 3)
      : pool_equations(private_pools(slices, layers)) {}

  naive::vec logits(const naive::call& at, std::size_t t) override {
    const naive::weight& gate = at.w.at("router." + std::to_string(at.layer) + ".gate");
    if (!by_prefix) return rows_times(gate, at.x[t]);
    naive::vec mean(at.x[t].size());
    const std::size_t first = t / at.how.sequence * at.how.sequence;
    for (std::size_t i = first; i <= t; ++i)
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += at.x[i][c] / static_cast<double>(t - first + 1);
    return rows_times(gate, mean);
  }
  naive::vec weights(const naive::vec& p, const std::vector<int>& chosen) override {
    naive::vec w;
    naive::number sum = 1e-9;
    for (const int i : chosen) sum += p[static_cast<std::size_t>(i)];
    for (const int i : chosen) {
      const naive::number& own = p[static_cast<std::size_t>(i)];
      w.push_back(by_prefix ? number_of(1) + own - constant(own) : number_of(static_cast<double>(k)) * own / sum);
    }
    return w;
  }
  /// W2 gelu(W1 x + b1), gelu's tanh form.
  naive::vec expert(const naive::call& at, std::size_t number, const naive::vec& x) override {
    const naive::weight &w_in = at.w.at("experts.w_in"), &b_in = at.w.at("experts.b_in"),
                        &w_out = at.w.at("experts.w_out");
    std::size_t first = 0;
    for (std::size_t e = 0; e < number; ++e) first += widths[e];
    naive::vec y(x.size());
    for (std::size_t u = first; u < first + widths[number]; ++u) {
      naive::number a = b_in[u];
      for (std::size_t c = 0; c < x.size(); ++c) a += w_in(u, c) * x[c];
      const naive::number h =
          number_of(0.5) * a *
          (number_of(1) + tanh(number_of(std::sqrt(2 / std::acos(-1.0))) * (a + number_of(0.044715) * a * a * a)));
      for (std::size_t c = 0; c < x.size(); ++c) y[c] += h * w_out(u, c);
    }
    return y;
  }
  /// The choices of all tokens first, then who is kept.
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    layer_load& load = loads.emplace_back();
    const std::size_t n = visible[at.layer].size();
    load.pairs.resize(n);
    load.mean.resize(n);
    naive::mat y;
    const naive::weight& bias = at.w.at("h." + std::to_string(at.block) + ".moe.local.bias");
    std::vector<std::size_t> asked;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const std::size_t place = t % at.how.sequence + 1;
      if (place == 1) asked.assign(n, 0);
      const naive::vec z = logits(at, t), p = scores(at, z);
      const std::vector<int> chosen = choose(at, p);
      const naive::vec w = weights(p, chosen);
      std::vector<int> kept = chosen;
      naive::vec out(bias.values);
      for (std::size_t j = 0; j < chosen.size(); ++j) {
        const auto i = static_cast<std::size_t>(chosen[j]);
        ++load.pairs[i];
        ++load.all_pairs;
        if (static_cast<double>(++asked[i]) > std::ceil(share * static_cast<double>(place))) {
          kept[j] = -1;
          continue;
        }
        const naive::vec part = expert(at, static_cast<std::size_t>(visible[at.layer][i]), at.x[t]);
        for (std::size_t c = 0; c < out.size(); ++c) out[c] += w[j] * part[c];
      }
      for (std::size_t i = 0; i < n; ++i) load.mean[i] += p[i] / static_cast<double>(at.x.size());
      record.logits.push_back(z);
      record.scores.push_back(p);
      record.weights.push_back(w);
      record.chosen.push_back(chosen);
      record.kept.push_back(kept);
      y.push_back(out);
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (const layer_load& load : loads)
      for (std::size_t i = 0; i < load.mean.size(); ++i)
        all += number_of(alpha * static_cast<double>(load.mean.size()) * load.pairs[i] / load.all_pairs) * load.mean[i];
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
  static naive::number number_of(double v) { return v; }
};

}  // namespace gmoe_test
