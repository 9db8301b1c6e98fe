#pragma once
/// The equations of maskmoe: Which experts a token may ask follows from its id.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct maskmoe_equations : naive::paired_mixture {
  std::vector<std::vector<std::vector<int>>> visible{};  ///< of every layer and id
  vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    pairs all(z.size());
    mat scores;
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::vector<int>& seen = visible[at.layer][static_cast<std::size_t>(at.tokens[t])];
      vec some;
      for (const int e : seen) some.push_back(z[t][static_cast<std::size_t>(e)]);
      const vec p = naive::softmax(some);
      const auto best = static_cast<std::size_t>(naive::largest(p, 1)[0]);
      all[t].push_back({static_cast<std::size_t>(seen[best]), p[best]});
      scores.emplace_back(experts);
      for (std::size_t i = 0; i < seen.size(); ++i) scores.back()[static_cast<std::size_t>(seen[i])] = p[i];
    }
    scored = scores;
    terms.push_back(naive::number(0.01) * naive::switch_term(all, scores));
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
