#pragma once
/// The equations of smile: A node, then an expert of the node.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct smile_equations : naive::paired_mixture {
  std::size_t nodes = 2;
  double alpha = 0.01, beta = 0.01;
  vec terms{};

  pairs choose(const naive::call&, const mat& z) override {
    const std::size_t n = nodes, q = experts / nodes;
    const auto tokens = static_cast<double>(z.size());
    pairs all(z.size());
    vec f(n), p_mean(n), g(q), r_mean(q);
    scored.assign(z.size(), vec(experts));
    for (std::size_t t = 0; t < z.size(); ++t) {
      const auto split = z[t].begin() + static_cast<std::ptrdiff_t>(n);
      const vec p = naive::softmax(vec(z[t].begin(), split)), r = naive::softmax(vec(split, z[t].end()));
      const auto i = static_cast<std::size_t>(naive::largest(p, 1)[0]),
                 j = static_cast<std::size_t>(naive::largest(r, 1)[0]);
      all[t].push_back({i * q + j, p[i] * r[j]});
      for (std::size_t e = 0; e < experts; ++e) scored[t][e] = p[e / q] * r[e % q];
      f[i] += 1 / tokens;
      g[j] += 1 / tokens;
      for (std::size_t e = 0; e < n; ++e) p_mean[e] += p[e] / tokens;
      for (std::size_t e = 0; e < q; ++e) r_mean[e] += r[e] / tokens;
    }
    naive::number term;
    for (std::size_t e = 0; e < n; ++e) term += naive::number(alpha * static_cast<double>(n)) * f[e] * p_mean[e];
    for (std::size_t e = 0; e < q; ++e) term += naive::number(beta * static_cast<double>(q)) * g[e] * r_mean[e];
    terms.push_back(term);
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
