#pragma once
/// The equations of dselect_k: Selectors that spell experts in smooth bits, against their equations.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

inline naive::number smooth_bit(const naive::number& a, double softness) {
  const double x = a.value(), g = softness;
  if (x <= -g / 2) return 0;
  if (x >= g / 2) return 1;
  return naive::number::of(a, -2 * x * x * x / (g * g * g) + 3 * x / (2 * g) + 0.5, -6 * x * x / (g * g * g) + 1.5 / g);
}

struct dselect_equations : scored_mixture {
  std::size_t bits = 2, selectors = 2, layers = 3;
  double softness = 1, entropy = 1e-2, reach = 1e-3;
  dselect_equations() { alpha = 0; }

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    const naive::vec a = bits > 0 ? rows_times(mine(at, "bits"), x) : naive::vec{};
    naive::vec says = rows_times(mine(at, "selectors"), x), w(experts);
    for (std::size_t j = 0; j < selectors; ++j) says[j] += mine(at, "selector_bias")[j];
    const naive::vec o = naive::softmax(says);
    const double each = 1.0 / static_cast<double>(layers * at.x.size());
    const bool others = (std::size_t{1} << bits) > experts;
    for (std::size_t j = 0; j < selectors; ++j) {
      naive::number sum;
      for (std::size_t e = 0; e < experts; ++e) {
        naive::number v = 1;
        for (std::size_t b = 0; b < bits; ++b) {
          const naive::number s = smooth_bit(a[j * bits + b] + mine(at, "bit_bias")[j * bits + b], softness);
          v = v * ((e >> b & 1) != 0 ? s : naive::number(1) - s);
        }
        w[e] += o[j] * v;
        sum += v;
        if (at.how.training && bits > 0 && v.value() > 0)
          added["selector_entropy"] += naive::number(-entropy * each) * v * log(v);
      }
      if (at.how.training && others)
        added["selector_reach"] += naive::number(reach * each) / (sum.value() > 1e-3 ? sum : naive::number(1e-3));
    }
    said = w;
    return w;
  }
  std::vector<int> choose(const naive::call&, const naive::vec& w) override {
    std::vector<int> positive;
    for (std::size_t e = 0; e < experts; ++e)
      if (w[e].value() > 0) positive.push_back(static_cast<int>(e));
    return positive;
  }
  naive::number weight(const naive::number& s, const naive::number&) override { return s; }
};

}  // namespace gmoe_test
