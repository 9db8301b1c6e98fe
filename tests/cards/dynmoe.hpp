#pragma once
/// The equations of dynmoe: Experts with thresholds, and a pool that grows and shrinks.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

inline naive::number cosine_between(const vec& a, const vec& b) {
  naive::number dot, a2 = 1e-12, b2 = 1e-12;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    a2 += a[i] * a[i];
    b2 += b[i] * b[i];
  }
  return dot / sqrt(a2) / sqrt(b2);
}

struct dynmoe_equations : naive::paired_mixture {
  double scale = 1, diversity = 0.01;
  std::vector<bool> live = std::vector<bool>(4, true);
  std::vector<std::vector<double>>* unserved = nullptr;  ///< gets the sums of inputs that nobody took
  std::vector<std::vector<double>>* loads = nullptr;
  naive::number added{};

  static vec row(const naive::weight& w, std::size_t r) {
    return {w.values.begin() + static_cast<std::ptrdiff_t>(r * w.cols),
            w.values.begin() + static_cast<std::ptrdiff_t>((r + 1) * w.cols)};
  }
  vec logits(const naive::call& at, const vec& x) override {
    const std::string name = "router." + std::to_string(at.layer) + ".";
    vec z;
    for (std::size_t e = 0; e < experts; ++e)
      z.push_back(sigmoid(naive::number(scale) * cosine_between(x, row(at.w.at(name + "keys"), e))) -
                  sigmoid(naive::number(scale) * at.w.at(name + "thresholds")[e]));
    return z;
  }
  pairs choose(const naive::call& at, const mat& z) override {
    pairs all(z.size());
    scored.clear();
    std::vector<double> sum(at.x[0].size()), load(experts);
    for (std::size_t t = 0; t < z.size(); ++t) {
      vec open;
      for (std::size_t e = 0; e < experts; ++e) open.push_back(live[e] ? z[t][e] : naive::number(-1));
      scored.push_back(z[t]);
      for (std::size_t e = 0; e < experts; ++e)
        if (!live[e]) scored.back()[e] = 0;
      double count = 0;
      for (const auto& v : open) count += v.value() > 0;
      for (const int c : naive::largest(open, experts)) {
        const auto e = static_cast<std::size_t>(c);
        if (open[e].value() > 0)
          all[t].push_back({e, at.how.training ? naive::number::of(open[e], 1, 1) / count : naive::number(1 / count)});
        else if (!at.how.training && all[t].empty())
          all[t].push_back({e, 1});
      }
      for (const pair& p : all[t]) ++load[p.expert];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += all[t].empty() ? at.x[t][i].value() : 0;
    }
    if (unserved) unserved->push_back(sum);
    if (loads) loads->push_back(load);
    const naive::weight& keys = at.w.at("router." + std::to_string(at.layer) + ".keys");
    naive::number far = 1e-12, lengths;
    double there = 0;
    for (std::size_t i = 0; i < experts; ++i) {
      if (!live[i]) continue;
      ++there;
      naive::number square = 1e-12;
      for (const auto& v : row(keys, i)) square += v * v;
      lengths += sqrt(square);
      for (std::size_t j = 0; j < experts; ++j) {
        if (!live[j]) continue;
        const naive::number off = cosine_between(row(keys, i), row(keys, j)) - (i == j ? 1.0 : 0.0);
        far += off * off;
      }
    }
    if (at.how.training) added += naive::number(diversity) * (sqrt(far) + lengths / there);
    return all;
  }
  std::map<std::string, naive::number> losses() override {
    if (added.value() == 0) return {};
    return {{"diversity", added}};
  }
};

}  // namespace gmoe_test
