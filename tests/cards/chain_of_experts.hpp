#pragma once
/// The equations of chain-of-experts: Rounds within a layer, one token after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct chain_equations : naive::mixture {
  std::size_t experts = 4, width = 12, rounds = 2, k = 1, local = 0;
  double alpha = 0.01;
  std::vector<naive::number> seen{};  ///< N sum_i f_i P_i of every round of every layer

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::string here = "router." + std::to_string(at.layer) + ".round.";
    const double tokens = static_cast<double>(at.x.size()), n = static_cast<double>(experts);
    naive::mat u = at.x, y(at.x.size(), naive::vec(at.x[0].size()));
    record.rounds.resize(rounds);
    for (std::size_t j = 0; j < rounds; ++j) {
      const naive::weight& gate = at.w.at(here + std::to_string(j) + ".gate");
      std::vector<double> f(experts);
      naive::vec mean(experts);
      for (std::size_t t = 0; t < u.size(); ++t) {
        naive::layer_record& round = record.rounds[j];
        round.logits.push_back(naive::rows_times(gate, u[t]));
        const naive::vec p = naive::softmax(round.logits.back());
        round.scores.push_back(p);
        round.weights.emplace_back();
        const std::vector<int> best = naive::largest(p, k);
        naive::vec step(u[t].size());
        for (const int chosen : best) {
          const auto e = static_cast<std::size_t>(chosen);
          round.weights.back().push_back(p[e]);
          const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                                (at.layer * experts + e) * width, width, u[t]);
          for (std::size_t c = 0; c < step.size(); ++c) step[c] += p[e] * part[c];
          f[e] += 1 / (tokens * static_cast<double>(k));
        }
        if (local > 0) {
          const std::string one = "local." + std::to_string(at.layer);
          const naive::vec part = naive::expert(at.w.at(one + ".w_in"), at.w.at(one + ".w_out"), 0, local, u[t]);
          for (std::size_t c = 0; c < step.size(); ++c) step[c] += part[c];
        }
        for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
        for (std::size_t c = 0; c < step.size(); ++c) {
          u[t][c] += step[c];
          y[t][c] += step[c];
        }
        round.chosen.push_back(best);
      }
      record.rounds[j].kept = record.rounds[j].chosen;
      naive::number sum;
      for (std::size_t e = 0; e < experts; ++e) sum += n * f[e] * mean[e];
      seen.push_back(sum);
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& v : seen) sum += v;
    return {{"balance", sum * (alpha / static_cast<double>(seen.size()))}};
  }
};

}  // namespace gmoe_test
