#pragma once
/// The equations of sigma_tiny: A number of experts that goes by layer and step, and uncertain tokens that go to all.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

/// Raw weights of the k best experts, k by layer; all of them for tokens with an entropy above a limit.
struct varying_k_equations : naive::paired_mixture {
  std::vector<std::size_t> k{1, 1, 1};
  double limit = 1e9;
  std::size_t broadcast = 100;  ///< of a sequence
  naive::vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs all(z.size());
    std::size_t uncertain = 0;
    for (std::size_t t = 0; t < z.size(); ++t) {
      if (t % at.how.sequence == 0) uncertain = 0;
      double entropy = 0;
      for (const auto& v : p[t]) entropy -= v.value() * std::log(v.value());
      const bool everybody = entropy > limit && uncertain < broadcast;
      uncertain += everybody;
      for (const int e : naive::largest(p[t], everybody ? experts : k[at.layer]))
        all[t].push_back({static_cast<std::size_t>(e), p[t][static_cast<std::size_t>(e)]});
    }
    terms.push_back(naive::number(0.01) * naive::switch_term(all, p));
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
