#pragma once
/// The equations of mohge: Groups of experts, each of one width, and routing in two levels.

#include "cards/pool_equations.hpp"

namespace gmoe_test {

struct mohge_equations : pool_equations {
  std::size_t groups, best;  ///< N_g and K_g
  double between = 0.01, within = 0.01;
  naive::mat group_scores;          ///< of every token of the layer
  std::vector<naive::vec> means{};  ///< of every layer, their means

  mohge_equations(const std::vector<std::size_t>& of_a_layer, std::size_t g, std::size_t b)
      : pool_equations(private_pools(of_a_layer, 3)), groups(g), best(b) {}

  bool is_open(const naive::vec& group, std::size_t expert, std::size_t n) const {
    const std::vector<int> first = naive::largest(group, best);
    return std::count(first.begin(), first.end(), static_cast<int>(expert / n)) == 1;
  }
  naive::vec logits(const naive::call& at, std::size_t t) override {
    if (t == 0) {
      group_scores.clear();
      means.emplace_back(groups);
    }
    const std::string name = "h." + std::to_string(at.block) + ".moe.candidates.centroids";
    group_scores.push_back(naive::softmax(rows_times(at.w.at(name), at.x[t])));
    for (std::size_t g = 0; g < groups; ++g) means.back()[g] += group_scores[t][g] / static_cast<double>(at.x.size());
    return pool_equations::logits(at, t);
  }
  naive::vec scores(const naive::call&, const naive::vec& z) override {
    const naive::vec& group = group_scores.back();
    const std::size_t n = z.size() / groups;
    naive::number sum;
    for (std::size_t i = 0; i < z.size(); ++i)
      if (is_open(group, i, n)) sum += exp(z[i]);
    naive::vec p(z.size());
    for (std::size_t i = 0; i < z.size(); ++i)
      if (is_open(group, i, n)) p[i] = group[i / n] * exp(z[i]) / sum;
    return p;
  }
  std::vector<int> choose(const naive::call&, const naive::vec& p) override {
    std::vector<int> all;
    for (const int i : naive::largest(p, p.size()))
      if (all.size() < k && is_open(group_scores.back(), static_cast<std::size_t>(i), p.size() / groups))
        all.push_back(i);
    return all;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (std::size_t l = 0; l < loads.size(); ++l) {
      const std::size_t n = visible[l].size() / groups;
      double mean = 0;
      for (const int e : visible[l])
        mean += static_cast<double>(widths[static_cast<std::size_t>(e)]) / static_cast<double>(n * groups);
      for (std::size_t g = 0; g < groups; ++g) {
        double pairs = 0;
        naive::number score = 1e-9;
        for (std::size_t i = g * n; i < g * n + n; ++i) {
          pairs += loads[l].pairs[i];
          score += loads[l].mean[i];
        }
        const double width = static_cast<double>(widths[static_cast<std::size_t>(visible[l][g * n])]) / mean;
        all += number_of(between * static_cast<double>(groups) * width * pairs / loads[l].all_pairs) * means[l][g];
        for (std::size_t i = g * n; i < g * n + n && pairs > 0; ++i)
          all += number_of(within * static_cast<double>(n) / static_cast<double>(groups) * loads[l].pairs[i] /
                           (pairs + 1e-9 * loads[l].all_pairs)) *
                 loads[l].mean[i] / score;
      }
    }
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
  static naive::number number_of(double v) { return v; }
};

}  // namespace gmoe_test
