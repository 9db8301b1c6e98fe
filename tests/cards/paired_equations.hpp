#pragma once
/// What references of cards that differ in selection have in common: a linear router, a pool per layer, pairs.

#include "cards/equations.hpp"

namespace naive {

/// y_t = sum over the pairs of t of w E_e(x_t). A subclass makes the pairs of a layer from the logits.
struct paired_mixture : mixture {
  struct pair {
    std::size_t expert;
    number weight;
    bool kept = true;
  };
  using pairs = std::vector<std::vector<pair>>;  ///< of every token

  std::size_t experts = 4, width = 12;
  mat scored{};  ///< the scores of a layer, where `choose` writes them down

  virtual pairs choose(const call& at, const mat& z) = 0;
  /// E_e(x).
  virtual vec output(const call& at, std::size_t e, const vec& x) {
    return expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), (at.layer * experts + e) * width, width, x);
  }
  virtual vec logits(const call& at, const vec& x) {
    return rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x);
  }

  mat operator()(const call& at, layer_record& record) override {
    mat z, y;
    for (const vec& x : at.x) z.push_back(logits(at, x));
    const pairs all = choose(at, z);
    record.logits = z;
    record.scores = scored;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      vec out(at.x[t].size());
      record.chosen.emplace_back();
      record.kept.emplace_back();
      record.weights.emplace_back();
      for (const pair& p : all[t]) {
        record.chosen.back().push_back(static_cast<int>(p.expert));
        record.kept.back().push_back(p.kept ? static_cast<int>(p.expert) : -1);
        record.weights.back().push_back(p.weight);
        if (!p.kept) continue;
        const vec part = output(at, p.expert, at.x[t]);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += p.weight * part[i];
      }
      y.push_back(out);
    }
    return y;
  }
};

inline mat softmax_of_rows(const mat& z) {
  mat p;
  for (const vec& row : z) p.push_back(softmax(row));
  return p;
}
inline mat turned(const mat& x) {
  mat y(x[0].size(), vec(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x[i].size(); ++j) y[j][i] = x[i][j];
  return y;
}

/// N sum_i f_i P_i of one layer.
inline number switch_term(const paired_mixture::pairs& chosen, const mat& p) {
  const std::size_t n = p[0].size();
  double count = 0;
  vec f(n), mean(n);
  for (const auto& token : chosen) count += static_cast<double>(token.size());
  for (std::size_t t = 0; t < p.size(); ++t) {
    for (const auto& c : chosen[t]) f[c.expert] += 1 / count;
    for (std::size_t e = 0; e < n; ++e) mean[e] += p[t][e] / static_cast<double>(p.size());
  }
  number sum;
  for (std::size_t e = 0; e < n; ++e) sum += number(static_cast<double>(n)) * f[e] * mean[e];
  return sum;
}
/// The mean over the layers.
inline number mean_of(const vec& terms) {
  number sum;
  for (const number& t : terms) sum += t / static_cast<double>(terms.size());
  return sum;
}

}  // namespace naive
