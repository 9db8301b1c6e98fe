#pragma once
/// The equations of moue: Universal experts on a ring, and a router that knows where a token has been.

#include "cards/pool_equations.hpp"

namespace gmoe_test {

struct moue_equations : pool_equations {
  std::size_t state = 32;
  double alpha = 0.01, decay = 0.9;
  bool by_exposure = true;
  naive::mat trajectory;  ///< of every token, in the layer that is asked

  /// `ring` experts, windows of n that move on by `stride`, `own` besides.
  moue_equations(std::size_t ring, std::size_t n, std::size_t stride, std::size_t own, std::size_t layers = 3) {
    widths.assign(ring + own * layers, 12);
    for (std::size_t l = 0; l < layers; ++l) {
      visible.emplace_back();
      for (std::size_t i = 0; i < n; ++i) visible[l].push_back(static_cast<int>((l * stride + i) % ring));
      for (std::size_t i = 0; i < own; ++i) visible[l].push_back(static_cast<int>(ring + l * own + i));
    }
  }
  naive::vec logits(const naive::call& at, std::size_t t) override {
    naive::vec z = pool_equations::logits(at, t);
    if (at.layer == 0) return z;
    const naive::vec more = rows_times(at.w.at("router." + std::to_string(at.layer) + ".trajectory"), trajectory[t]);
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += more[i];
    return z;
  }
  void remember(const naive::call& at, std::size_t t, const std::vector<int>& chosen, const naive::vec& w) override {
    trajectory.resize(at.x.size(), naive::vec(state));
    for (std::size_t c = 0; c < state; ++c) {
      naive::number u = number_of(decay) * trajectory[t][c];
      for (std::size_t j = 0; j < chosen.size(); ++j) {
        const int e = visible[at.layer][static_cast<std::size_t>(chosen[j])];
        u += w[j] * at.w.at("router.key")(static_cast<std::size_t>(e), c);
      }
      trajectory[t][c] = u;
    }
  }
  /// alpha (mean e)^2 N sum_u (load_u / (k T e_u)) (mean over the layers that see u of P_u) ... times what makes it
  /// alpha where load is in proportion to exposure: written with shares of all L layers.
  std::map<std::string, naive::number> losses() override {
    std::vector<double> exposure(widths.size()), load(widths.size());
    naive::vec mean(widths.size());
    double seen = 0, all = 0;
    for (std::size_t l = 0; l < visible.size(); ++l)
      for (std::size_t i = 0; i < visible[l].size(); ++i) {
        const auto u = static_cast<std::size_t>(visible[l][i]);
        exposure[u] += 1;
        load[u] += loads[l].pairs[i] / loads[l].all_pairs;
        mean[u] += loads[l].mean[i];
        all += 1;
      }
    for (const double e : exposure) seen += e > 0;
    const double layers = static_cast<double>(visible.size()), average = all / seen;
    naive::number sum;
    for (std::size_t u = 0; u < widths.size(); ++u) {
      const double even = by_exposure ? average / exposure[u] : 1;
      sum += number_of(load[u] / layers * even) * (mean[u] / layers * even);
    }
    return {{"balance", number_of(alpha * seen) * sum}};
  }
  static naive::number number_of(double v) { return v; }
};

}  // namespace gmoe_test
