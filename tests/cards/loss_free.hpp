#pragma once
/// The equations of loss_free: Sigmoid scores and a shared expert, with and without biases that follow the load,
/// against their equations.

#include "cards/equations.hpp"

namespace gmoe_test {

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
        record.logits.push_back(s);
        for (naive::number& v : s) all += v = sigmoid(v);
        record.scores.push_back(s);
        record.weights.emplace_back();
        for (std::size_t e = 0; e < experts; ++e) biased.push_back(s[e] + (bias.empty() ? 0 : bias[at.layer][e]));
        const std::vector<int> chosen = choose(biased);
        for (const int e : chosen) sum += s[static_cast<std::size_t>(e)];
        naive::vec out = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
        for (const int c : chosen) {
          const auto e = static_cast<std::size_t>(c);
          const naive::vec part = naive::expert(w_in, w_out, (at.layer * experts + e) * width, width, x);
          const naive::number w = naive::number(scale) * s[e] / (k == 1 ? naive::number(1) : sum);
          record.weights.back().push_back(w);
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

}  // namespace gmoe_test
