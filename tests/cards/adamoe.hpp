#pragma once
/// The equations of adamoe: Null experts beside the others.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

/// Experts 0 to 3 compute, the q behind them give nothing.
struct adamoe_equations : naive::paired_mixture {
  std::size_t k = 3, nulls = 4;
  double alpha = 0.01;
  naive::vec terms;

  pairs choose(const naive::call&, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs all(z.size());
    naive::vec f(experts + nulls), mean(experts + nulls);
    const auto tokens = static_cast<double>(z.size());
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::vector<int> chosen = naive::largest(p[t], k);
      naive::number sum = 1e-9;
      for (const int c : chosen)
        if (static_cast<std::size_t>(c) < experts) sum += p[t][static_cast<std::size_t>(c)];
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        all[t].push_back({e, e < experts ? p[t][e] / sum : naive::number(0)});
        if (e < experts)
          f[e] += 1 / (tokens * static_cast<double>(k));
        else
          for (std::size_t n = experts; n < f.size(); ++n)
            f[n] += 1 / (tokens * static_cast<double>(k) * static_cast<double>(nulls));
      }
      for (std::size_t e = 0; e < p[t].size(); ++e) mean[e] += p[t][e] / tokens;
    }
    naive::number term;
    for (std::size_t e = 0; e < f.size(); ++e)
      term += naive::number(alpha * static_cast<double>(f.size())) * f[e] * mean[e];
    terms.push_back(term);
    return all;
  }
  naive::vec output(const naive::call& at, std::size_t e, const naive::vec& x) override {
    return e < experts ? paired_mixture::output(at, e, x) : naive::vec(x.size());
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
