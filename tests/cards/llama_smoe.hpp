#pragma once
/// The equations of llama_smoe: Mixtral's backbone around the usual mixture.

#include "cards/equations.hpp"

namespace gmoe_test {

/// y = sum over the k best of p_e / sum p, times W_out' (silu(W_gate x) * (W_up x)), of a pool per layer.
struct swiglu_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double alpha = 0.01;
  number balance;
  std::size_t layers = 0;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y;
    naive::vec f(experts), mean(experts);
    for (const naive::vec& x : at.x) {
      const naive::vec z = rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x),
                       p = naive::softmax(z);
      const std::vector<int> chosen = naive::largest(p, k);
      number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        record.weights.back().push_back(p[e] / sum);
        const std::size_t first = (at.layer * experts + e) * width;
        const naive::vec gate = rows_times(at.w.at("experts.w_gate"), x, first, width),
                         up = rows_times(at.w.at("experts.w_up"), x, first, width);
        for (std::size_t u = 0; u < width; ++u)
          for (std::size_t i = 0; i < x.size(); ++i)
            out[i] += p[e] / sum * gate[u] * sigmoid(gate[u]) * up[u] * at.w.at("experts.w_out")(first + u, i);
        f[e] += 1.0 / static_cast<double>(at.x.size() * k);
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / static_cast<double>(at.x.size());
      record.chosen.push_back(chosen);
      record.logits.push_back(z);
      record.scores.push_back(p);
      y.push_back(out);
    }
    record.kept = record.chosen;
    for (std::size_t e = 0; e < experts; ++e) balance += number(alpha * static_cast<double>(experts)) * f[e] * mean[e];
    ++layers;
    return y;
  }
  std::map<std::string, number> losses() override { return {{"balance", balance / static_cast<double>(layers)}}; }
};

}  // namespace gmoe_test
