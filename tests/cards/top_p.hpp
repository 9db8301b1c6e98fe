#pragma once
/// The equations of top_p: As many experts as it takes, and a loss on the entropy of the scores.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct top_p_equations : naive::paired_mixture {
  double tau = 0.4, alpha = 0.01, beta = 1e-4;
  naive::vec terms{};

  pairs choose(const naive::call&, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs all(z.size());
    naive::number entropy;
    for (std::size_t t = 0; t < z.size(); ++t) {
      double sum = 0;
      for (const int c : naive::largest(p[t], experts)) {
        const auto e = static_cast<std::size_t>(c);
        if (sum > tau) break;
        sum += p[t][e].value();
        all[t].push_back({e, p[t][e]});
      }
      for (const auto& v : p[t]) entropy += naive::number(-1 / static_cast<double>(z.size())) * v * log(v);
    }
    terms.push_back(naive::number(alpha) * naive::switch_term(all, p) + naive::number(beta) * entropy);
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
