#pragma once
/// The equations of smoe: The usual mixture, as the simplest example of a card against its equations.

#include "cards/equations.hpp"

namespace gmoe_test {

/// y = sum over the k best of p_e / sum p, times E_e(x), of a pool per layer.
struct smoe_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double alpha = 0.01;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight &w_in = at.w.at("experts.w_in"), &w_out = at.w.at("experts.w_out");
    naive::mat y;
    naive::vec f(experts), mean(experts);
    for (const naive::vec& x : at.x) {
      const naive::vec z = rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x),
                       p = naive::softmax(z);
      const std::vector<int> chosen = naive::largest(p, k);
      naive::number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        record.weights.back().push_back(p[e] / sum);
        const naive::vec part = naive::expert(w_in, w_out, (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += p[e] / sum * part[i];
        f[e] += 1.0 / static_cast<double>(at.x.size() * k);
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / static_cast<double>(at.x.size());
      record.chosen.push_back(chosen);
      record.logits.push_back(z);
      record.scores.push_back(p);
      y.push_back(out);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts)) * f[e] * mean[e];
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
