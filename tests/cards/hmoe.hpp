#pragma once
/// The equations of hmoe: Experts of different widths, and what the wide ones cost.

#include "cards/pool_equations.hpp"

namespace gmoe_test {

/// alpha N sum_i M_i P_i, M_i the pairs of expert i per token times its width over the mean.
struct hmoe_equations : pool_equations {
  double alpha = 0.1;
  explicit hmoe_equations(const std::vector<std::size_t>& of_a_layer, std::size_t layers = 3)
      : pool_equations(private_pools(of_a_layer, layers)) {}

  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (std::size_t l = 0; l < loads.size(); ++l) {
      const std::size_t n = visible[l].size();
      double mean = 0;
      for (const int e : visible[l])
        mean += static_cast<double>(widths[static_cast<std::size_t>(e)]) / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) {
        const double width = static_cast<double>(widths[static_cast<std::size_t>(visible[l][i])]);
        all += naive::number(alpha * static_cast<double>(n)) * (loads[l].pairs[i] / loads[l].tokens * width / mean) *
               loads[l].mean[i];
      }
    }
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
};

/// As many as it takes for their scores to sum to more than `above`, raw weights, and beta times an entropy: of every
/// token, or, negative, of the mean.
struct hmoe_top_p_equations : hmoe_equations {
  double above = 0.6, beta = 0.03;
  bool of_mean = false;
  std::vector<naive::number> entropies;

  explicit hmoe_top_p_equations(const std::vector<std::size_t>& of_a_layer) : hmoe_equations(of_a_layer) {
    renormalised = false;
  }
  std::vector<int> choose(const naive::call& at, const naive::vec& p) override {
    std::vector<int> all;
    double sum = 0;
    for (const int i : naive::largest(p, p.size()))
      if (sum <= above) {
        all.push_back(i);
        sum += p[static_cast<std::size_t>(i)].value();
      }
    entropies.resize(at.layer + 1);
    for (const naive::number& q : p)
      entropies.back() += number_of(-1.0 / static_cast<double>(at.x.size())) * q * log(q);
    return all;
  }
  static naive::number number_of(double v) { return v; }
  std::map<std::string, naive::number> losses() override {
    naive::number all = hmoe_equations::losses().at("balance");
    for (std::size_t l = 0; l < loads.size(); ++l) {
      naive::number of_layer = entropies[l];
      if (of_mean) {
        of_layer = 0;
        for (const naive::number& q : loads[l].mean) of_layer += q * log(q);
      }
      all += number_of(beta / static_cast<double>(loads.size())) * of_layer;
    }
    return {{"balance", all}};
  }
};

}  // namespace gmoe_test
