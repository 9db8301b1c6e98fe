#pragma once
/// The equations of aoe: Experts that say themselves how strongly they react, against their equations.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

/// E(x) = W_out' (silu(W_up a) * (W_in x)), a = W_down x, chosen by |a|.
struct aoe_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2, rank = 2;
  double alpha = 0.01;
  std::vector<naive::number> balance{};

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight& down = at.w.at("router." + std::to_string(at.layer) + ".w_down");
    const auto tokens = static_cast<double>(at.x.size());
    naive::vec mean(experts);
    std::vector<double> f(experts, 0);
    naive::mat y;
    for (const naive::vec& x : at.x) {
      naive::mat a;
      naive::vec z, out(x.size());
      for (std::size_t e = 0; e < experts; ++e) {
        a.push_back(naive::rows_times(down, x, e * rank, rank));
        z.push_back(sqrt(dot_of(a[e], a[e]) + 1e-12));
      }
      const naive::vec p = naive::softmax(z);
      const std::vector<int> chosen = naive::largest(p, k);
      record.weights.emplace_back();
      for (const int c : chosen) {
        record.weights.back().push_back(p[static_cast<std::size_t>(c)]);
        const auto e = static_cast<std::size_t>(c), first = (at.layer * experts + e) * width;
        const naive::vec gate = naive::rows_times(at.w.at("experts.w_up"), a[e], first, width);
        const naive::vec in = naive::rows_times(at.w.at("experts.w_in"), x, first, width);
        for (std::size_t u = 0; u < width; ++u)
          for (std::size_t i = 0; i < x.size(); ++i)
            out[i] += p[e] * gate[u] * sigmoid(gate[u]) * in[u] * at.w.at("experts.w_out")(first + u, i);
        f[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
      record.chosen.push_back(chosen);
      record.scores.push_back(p);
      record.logits.push_back(z);
      y.push_back(out);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts) * f[e]) * mean[e];
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
