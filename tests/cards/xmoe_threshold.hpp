#pragma once
/// The equations of xmoe_threshold: As many small experts as it takes, and a queue in front of each, pair by pair.

#include "cards/equations.hpp"

namespace gmoe_test {

inline naive::number gelu_of(const naive::number& a) {
  return naive::number(0.5) * a *
         (naive::number(1) +
          tanh(naive::number(std::sqrt(2 / std::acos(-1.0))) * (a + naive::number(0.044715) * a * a * a)));
}

struct xmoe_equations : naive::mixture {
  std::size_t experts = 16, width = 3;
  double above = 0.9, factor = 5, alpha = 0.01;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t tokens = at.x.size();
    naive::mat p, y;
    std::vector<std::size_t> first;
    for (const naive::vec& x : at.x) {
      record.logits.push_back(rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x));
      p.push_back(naive::softmax(record.logits.back()));
      const std::vector<int> order = naive::largest(p.back(), experts);
      first.push_back(static_cast<std::size_t>(order[0]));
      record.chosen.emplace_back();
      double sum = 0;
      for (const int e : order) {
        record.chosen.back().push_back(e);
        sum += p.back()[static_cast<std::size_t>(e)].value();
        if (above < 1 && sum > above) break;
      }
    }
    record.scores = p;
    record.kept = record.chosen;
    if (at.how.training) {
      const double share = std::ceil(static_cast<double>(tokens) / static_cast<double>(experts));
      const auto room = static_cast<std::size_t>(factor * share);
      for (std::size_t e = 0; e < experts; ++e) {
        naive::vec priority;
        std::vector<std::pair<std::size_t, std::size_t>> pair;
        for (std::size_t t = 0; t < tokens; ++t)
          for (std::size_t j = 0; j < record.chosen[t].size(); ++j)
            if (record.chosen[t][j] == static_cast<int>(e)) {
              priority.push_back(p[t][e].value() - static_cast<double>(j + 1));
              pair.push_back({t, j});
            }
        const std::vector<int> queue = naive::largest(priority, priority.size());
        for (std::size_t i = room; i < queue.size(); ++i) {
          const auto [t, j] = pair[static_cast<std::size_t>(queue[i])];
          record.kept[t][j] = -1;
        }
      }
    }
    record.weighs_kept = true;
    naive::vec f(experts), won(experts);
    for (std::size_t t = 0; t < tokens; ++t) {
      f[first[t]] += 1 / static_cast<double>(tokens);
      won[first[t]] += p[t][first[t]] / static_cast<double>(tokens);
      naive::number sum = 1e-9;
      for (const int e : record.kept[t])
        if (e >= 0) sum += p[t][static_cast<std::size_t>(e)];
      naive::vec out(at.x[t].size());
      record.weights.emplace_back();
      for (const int c : record.kept[t]) {
        if (c < 0) continue;
        const auto e = static_cast<std::size_t>(c);
        record.weights.back().push_back(p[t][e] / sum);
        for (std::size_t u = (at.layer * experts + e) * width; u < (at.layer * experts + e + 1) * width; ++u) {
          naive::number a;
          for (std::size_t i = 0; i < out.size(); ++i) a += at.w.at("experts.w_in")(u, i) * at.x[t][i];
          for (std::size_t i = 0; i < out.size(); ++i)
            out[i] += p[t][e] / sum * gelu_of(a) * at.w.at("experts.w_out")(u, i);
        }
      }
      y.push_back(out);
    }
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts)) * f[e] * won[e];
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace gmoe_test
