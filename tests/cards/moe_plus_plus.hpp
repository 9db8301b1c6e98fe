#pragma once
/// The equations of moe-plus-plus: Experts of four kinds, and logits that travel over depth.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

/// Experts 0 to 3 compute; behind them nulls, copies and constants.
struct plus_plus_equations : naive::paired_mixture {
  std::size_t k = 2, nulls = 1, copies = 1, constants = 2;
  double alpha = 0.01, tau = 0.75;
  vec terms{};
  mat before{}, now{};  ///< logits of the layer before, and of this one so far

  std::size_t all() const { return experts + nulls + copies + constants; }
  vec logits(const naive::call& at, const vec& x) override {
    vec z = paired_mixture::logits(at, x);
    if (at.layer > 0) {
      const naive::weight& w = at.w.at("router." + std::to_string(at.layer) + ".gate_residual");
      const vec residual = naive::rows_times(w, before[now.size()]);
      for (std::size_t e = 0; e < all(); ++e) z[e] += residual[e];
    }
    now.push_back(z);
    return z;
  }
  pairs choose(const naive::call&, const mat& z) override {
    before = std::move(now);
    now.clear();
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    pairs chosen(z.size());
    const auto tokens = static_cast<double>(z.size());
    vec f(all()), mean(all());
    for (std::size_t t = 0; t < z.size(); ++t) {
      for (const int c : naive::largest(p[t], k)) {
        const auto e = static_cast<std::size_t>(c);
        chosen[t].push_back({e, p[t][e]});
        f[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < all(); ++e) mean[e] += p[t][e] / tokens;
    }
    naive::number term;
    for (std::size_t e = 0; e < all(); ++e)
      term += naive::number(alpha * static_cast<double>(all()) * (e < experts ? 1 : tau)) * f[e] * mean[e];
    terms.push_back(term);
    return chosen;
  }
  vec output(const naive::call& at, std::size_t e, const vec& x) override {
    if (e < experts) return paired_mixture::output(at, e, x);
    if (e < experts + nulls) return vec(x.size());
    if (e < experts + nulls + copies) return x;
    const std::size_t number = at.layer * constants + e - experts - nulls - copies;
    const vec a = naive::softmax(naive::rows_times(at.w.at("experts.mix"), x, 2 * number, 2));
    vec y;
    for (std::size_t i = 0; i < x.size(); ++i) y.push_back(a[0] * x[i] + a[1] * at.w.at("experts.value")(number, i));
    return y;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
