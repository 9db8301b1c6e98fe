#pragma once
/// The equations of cartesian: two mixtures of narrow experts, one upon the other, one token after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct cartesian_equations : naive::mixture {
  std::size_t experts = 4, width = 6, k = 1;
  double alpha = 0.01;
  std::vector<naive::number> seen{};  ///< N sum_i f_i P_i of both mixtures of every layer

  /// Shared expert and routed experts of one mixture.
  naive::mat level(const naive::call& at, const std::string& name, const naive::mat& in, naive::layer_record& record) {
    const std::string mine = "form." + name + ".";
    const std::string shared = mine + "h." + std::to_string(at.block) + ".moe.local.";
    const double tokens = static_cast<double>(in.size()), n = static_cast<double>(experts);
    std::vector<double> f(experts);
    naive::vec mean(experts);
    naive::mat out;
    for (const naive::vec& x : in) {
      naive::vec y = naive::expert(at.w.at(shared + "w_in"), at.w.at(shared + "w_out"), 0, width, x), w;
      record.logits.push_back(naive::rows_times(at.w.at(mine + "router." + std::to_string(at.layer) + ".gate"), x));
      const naive::vec p = naive::softmax(record.logits.back());
      record.scores.push_back(p);
      record.chosen.push_back(naive::largest(p, k));
      for (const int chosen : record.chosen.back()) {
        const auto e = static_cast<std::size_t>(chosen);
        const naive::vec part = naive::expert(at.w.at(mine + "experts.w_in"), at.w.at(mine + "experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        w.push_back(p[e]);
        for (std::size_t c = 0; c < x.size(); ++c) y[c] += p[e] * part[c];
        f[e] += 1 / (tokens * static_cast<double>(k));
      }
      record.weights.push_back(w);
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
      out.push_back(y);
    }
    record.kept = record.chosen;
    naive::number sum;
    for (std::size_t e = 0; e < experts; ++e) sum += n * f[e] * mean[e];
    seen.push_back(sum);
    return out;
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    record.rounds.resize(2);
    const std::string norm = "h." + std::to_string(at.block) + ".moe.form.norm.";
    naive::mat y = level(at, "first", at.x, record.rounds[0]), between;
    for (std::size_t t = 0; t < y.size(); ++t) {
      naive::vec u = at.residual[t];
      for (std::size_t c = 0; c < u.size(); ++c) u[c] += y[t][c];
      between.push_back(naive::layer_norm(u, at.w.at(norm + "weight"), at.w.at(norm + "bias"), at.how.epsilon));
    }
    const naive::mat more = level(at, "second", between, record.rounds[1]);
    for (std::size_t t = 0; t < y.size(); ++t)
      for (std::size_t c = 0; c < y[t].size(); ++c) y[t][c] += more[t][c];
    return y;
  }
  /// The mean over the layers of each mixture, both added.
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& v : seen) sum += v;
    return {{"balance", sum * (2 * alpha / static_cast<double>(seen.size()))}};
  }
};

}  // namespace gmoe_test
