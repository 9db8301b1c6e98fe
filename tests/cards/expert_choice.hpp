#pragma once
/// The equations of expert_choice: Experts take tokens: by scores, by a plan that bounds what tokens get, and by a plan
/// with even loads.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

/// Of each column the c rows with the largest entries of `ranking`, with the weights p.
struct expert_choice_equations : naive::paired_mixture {
  double factor = 2;
  bool training = true;
  std::size_t most = 4;                              ///< in evaluation
  std::vector<std::vector<double>> means{};          ///< thresholds, layer by layer; none: 1 / N
  std::vector<std::vector<double>>* seen = nullptr;  ///< gets the smallest scores that were taken

  virtual std::vector<std::vector<double>> ranking(const mat&, const mat& p) const {
    std::vector<std::vector<double>> r;
    for (const vec& row : p) {
      r.emplace_back();
      for (const auto& v : row) r.back().push_back(v.value());
    }
    return r;
  }

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs all(z.size());
    if (!training) {
      for (std::size_t t = 0; t < p.size(); ++t) {
        vec margin;
        for (std::size_t e = 0; e < experts; ++e)
          margin.push_back(p[t][e] - (means.empty() ? 1.0 / static_cast<double>(experts) : means[at.layer][e]));
        for (const int e : naive::largest(margin, most))
          if (margin[static_cast<std::size_t>(e)].value() > 0)
            all[t].push_back({static_cast<std::size_t>(e), p[t][static_cast<std::size_t>(e)]});
      }
      return all;
    }
    const auto rank = ranking(z, p);
    const auto count = std::clamp<std::size_t>(
        static_cast<std::size_t>(factor * static_cast<double>(z.size()) / static_cast<double>(experts)), 1, z.size());
    std::vector<double> smallest;
    for (std::size_t e = 0; e < experts; ++e) {
      vec column;
      for (const auto& row : rank) column.push_back(row[e]);
      smallest.push_back(1);
      for (const int t : naive::largest(column, count)) {
        const auto& score = p[static_cast<std::size_t>(t)][e];
        all[static_cast<std::size_t>(t)].push_back({e, score});
        smallest.back() = std::min(smallest.back(), score.value());
      }
    }
    if (seen) seen->push_back(smallest);
    return all;
  }
};

/// lambda log sum exp(x / lambda)
inline double soft_maximum(const std::vector<double>& x, double lambda) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp((v - top) / lambda);
  return top + lambda * std::log(sum);
}

/// Projections onto the three conditions of the plan, one after the other, on its logarithms.
struct bounded_equations : expert_choice_equations {
  double lambda = 0.01, bound = 2;
  int sweeps = 100;
  bounded_equations() { most = 2; }

  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const auto s = expert_choice_equations::ranking(z, p);
    const std::size_t tokens = s.size();
    std::vector<double> alpha(tokens), beta(experts);
    auto gamma = s;
    for (auto& row : gamma) std::fill(row.begin(), row.end(), 0.0);
    for (int n = 0; n < sweeps; ++n) {
      for (std::size_t e = 0; e < experts; ++e) {
        std::vector<double> column;
        for (std::size_t t = 0; t < tokens; ++t) column.push_back(s[t][e] - alpha[t] - gamma[t][e]);
        beta[e] = lambda * std::log(factor * static_cast<double>(tokens) / static_cast<double>(experts)) -
                  soft_maximum(column, lambda);
      }
      for (std::size_t t = 0; t < tokens; ++t) {
        std::vector<double> row;
        for (std::size_t e = 0; e < experts; ++e) row.push_back(s[t][e] + beta[e] - gamma[t][e]);
        alpha[t] = std::max(0.0, soft_maximum(row, lambda) - lambda * std::log(bound));
        for (std::size_t e = 0; e < experts; ++e) gamma[t][e] = std::max(0.0, s[t][e] + beta[e] - alpha[t]);
      }
    }
    auto left = s;
    for (std::size_t t = 0; t < tokens; ++t)
      for (double& v : left[t]) v -= alpha[t];
    return left;
  }
};

struct transport_plan {
  std::vector<double> a, b;
};

inline transport_plan sinkhorn_plan(const mat& z, double epsilon, int sweeps) {
  transport_plan p{std::vector<double>(z.size()), std::vector<double>(z[0].size())};
  const double due = static_cast<double>(z.size()) / static_cast<double>(z[0].size());
  for (int n = 0; n < sweeps; ++n) {
    for (std::size_t t = 0; t < z.size(); ++t) {
      std::vector<double> row;
      for (std::size_t e = 0; e < z[t].size(); ++e) row.push_back(z[t][e].value() + p.b[e]);
      p.a[t] = -soft_maximum(row, epsilon);
    }
    for (std::size_t e = 0; e < p.b.size(); ++e) {
      std::vector<double> column;
      for (std::size_t t = 0; t < z.size(); ++t) column.push_back(z[t][e].value() + p.a[t]);
      p.b[e] = epsilon * std::log(due) - soft_maximum(column, epsilon);
    }
  }
  return p;
}

struct sinkhorn_expert_choice_equations : expert_choice_equations {
  double epsilon = 1;
  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const transport_plan planned = sinkhorn_plan(z, epsilon, 20);
    auto r = expert_choice_equations::ranking(p, z);
    for (std::size_t t = 0; t < r.size(); ++t)
      for (double& v : r[t]) v += planned.a[t];
    return r;
  }
};

/// Ascent on the tokens' prices; each column the projection of its largest entries.
struct sparse_equations : expert_choice_equations {
  double gamma = 1;
  int sweeps = 20;
  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const auto score = expert_choice_equations::ranking(p, z);
    const std::size_t tokens = z.size();
    const double share = static_cast<double>(tokens) / static_cast<double>(experts);
    const auto count = static_cast<std::size_t>(factor * share);
    std::vector<double> alpha(tokens);
    for (int n = 0; n < sweeps; ++n) {
      std::vector<double> given(tokens);
      for (std::size_t e = 0; e < experts; ++e) {
        vec column;
        for (std::size_t t = 0; t < tokens; ++t) column.push_back((score[t][e] - alpha[t]) / gamma);
        const std::vector<int> best = naive::largest(column, count);
        double tau = -1e300, sum = 0;
        for (std::size_t i = 0; i < best.size(); ++i) {
          sum += column[static_cast<std::size_t>(best[i])].value();
          const double v = column[static_cast<std::size_t>(best[i])].value();
          const double limit = (sum - share) / static_cast<double>(i + 1);
          if (v > limit) tau = limit;  // the last place at which an entry is left
        }
        for (const int t : best)
          given[static_cast<std::size_t>(t)] += std::max(0.0, column[static_cast<std::size_t>(t)].value() - tau);
      }
      for (std::size_t t = 0; t < tokens; ++t) alpha[t] += gamma / static_cast<double>(experts) * (given[t] - 1);
    }
    auto left = score;
    for (std::size_t t = 0; t < tokens; ++t)
      for (double& v : left[t]) v -= alpha[t];
    return left;
  }
};

struct sinkhorn_equations : naive::paired_mixture {
  std::size_t k = 2;
  double epsilon = 1;
  bool training = true;
  std::vector<std::vector<double>> means{};
  std::vector<std::vector<double>>* seen = nullptr;

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    std::vector<double> b = training        ? sinkhorn_plan(z, epsilon, 20).b
                            : means.empty() ? std::vector<double>(experts)
                                            : means[at.layer];
    pairs all(z.size());
    for (std::size_t t = 0; t < z.size(); ++t) {
      vec sum;
      for (std::size_t e = 0; e < experts; ++e) sum.push_back(z[t][e].value() + b[e]);
      for (const int e : naive::largest(sum, k))
        all[t].push_back({static_cast<std::size_t>(e), p[t][static_cast<std::size_t>(e)]});
    }
    if (seen) {
      const double mean = std::accumulate(b.begin(), b.end(), 0.0) / static_cast<double>(experts);
      for (double& v : b) v -= mean;
      seen->push_back(b);
    }
    return all;
  }
};

}  // namespace gmoe_test
