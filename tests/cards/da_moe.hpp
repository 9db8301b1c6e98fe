#pragma once
/// The equations of da-moe: as many experts as attention says that a token is worth.

#include <algorithm>

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct da_moe_equations : naive::paired_mixture {
  std::size_t k = 2;
  double alpha = 0.01;
  std::vector<double> importance{};  ///< of the tokens of the block so far
  naive::vec terms{};

  mat attend(const naive::weights& w, const naive::settings& how, std::size_t block, const mat& x,
             const dropping& dropped) override {
    const std::size_t counted = naive::multiply_adds, d = x[0].size(), size = d / how.heads;
    const std::string at = "h." + std::to_string(block) + ".attn.";
    mat qkv;
    for (const vec& row : x) qkv.push_back(naive::affine(row, w.at(at + "c_attn.weight"), w.at(at + "c_attn.bias")));
    std::vector<double> self(x.size());
    for (std::size_t h = 0; h < how.heads; ++h)
      for (std::size_t t = 0; t < x.size(); ++t) {
        std::vector<double> p;
        double sum = 0;
        for (std::size_t u = 0; u <= t; ++u) {
          double dot = 0;
          for (std::size_t c = h * size; c < (h + 1) * size; ++c) dot += qkv[t][c].value() * qkv[u][d + c].value();
          p.push_back(std::exp(dot / std::sqrt(static_cast<double>(size))));
          sum += p.back();
        }
        self[t] += p[t] / sum / static_cast<double>(how.heads);
      }
    for (const double p : self) importance.push_back(1 - p);
    naive::multiply_adds = counted;  // attention has these products anyway
    return naive::mixture::attend(w, how, block, x, dropped);
  }
  /// K_t
  std::size_t count(double a) const {
    const double rounded = std::ceil(static_cast<double>(k) * a - 0.5);
    return rounded < 1 ? 1 : static_cast<std::size_t>(rounded);
  }
  pairs choose(const naive::call&, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs all(z.size());
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::vector<int> chosen = naive::largest(p[t], count(importance[t]));
      number sum = 1e-9;
      for (const int e : chosen) sum += p[t][static_cast<std::size_t>(e)];
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        all[t].push_back({e, p[t][e] / sum});
      }
    }
    importance.clear();
    terms.push_back(number(alpha) * naive::switch_term(all, p));
    return all;
  }
  std::map<std::string, number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
