#pragma once
/// The equations of noisy_top_k: Noise on logits, and who would have been chosen with other noise, token by token.

#include "cards/equations.hpp"

namespace gmoe_test {

inline double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

inline naive::number normal_below(const naive::number& x) {
  const double v = x.value();
  return naive::number::of(x, normal_below(v), std::exp(-v * v / 2) / std::sqrt(2 * std::acos(-1.0)));
}

inline naive::number softplus_of(const naive::number& x) { return log(naive::number(1) + exp(x)); }

inline naive::number squared_variation_of(const naive::vec& v) {
  const double n = static_cast<double>(v.size());
  naive::number mean, variance;
  for (const naive::number& a : v) mean += a / n;
  for (const naive::number& a : v) variance += (a - mean) * (a - mean) / n;
  return variance / (mean * mean + 1e-10);
}

/// What a token asks for: z' = z + s n with noise n in training.
struct noisy_token {
  naive::vec clean, deviation, noisy;

  noisy_token(const naive::call& at, std::size_t t, double least) {
    const std::string router = "router." + std::to_string(at.layer) + ".";
    noisy = clean = rows_times(at.w.at(router + "gate"), at.x[t]);
    deviation = rows_times(at.w.at(router + "noise"), at.x[t]);
    for (std::size_t e = 0; e < clean.size(); ++e) {
      deviation[e] = softplus_of(deviation[e]) + least;
      if (at.how.training) noisy[e] += deviation[e] * at.how.draw("router_noise", at.block, t * clean.size() + e);
    }
  }
  /// That expert e is among the k best if its own noise is drawn again; k < N.
  naive::number chance(std::size_t e, std::size_t k) const {
    naive::vec others;
    for (std::size_t o = 0; o < noisy.size(); ++o)
      if (o != e) others.push_back(noisy[o]);
    const naive::number threshold = others[static_cast<std::size_t>(naive::largest(others, k).back())];
    return normal_below((clean[e] - threshold) / deviation[e]);
  }
};

struct noisy_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double importance = 0.01, load = 0.01, least = 0.01;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y;
    naive::vec weighs(experts), wanted(experts);
    const double tokens = static_cast<double>(at.x.size());
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const naive::vec& x = at.x[t];
      const noisy_token token(at, t, least);
      const std::vector<int> chosen = naive::largest(token.noisy, k);
      const naive::vec p = naive::softmax(token.noisy);
      naive::number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const naive::number w = p[e] / sum;
        record.weights.back().push_back(w);
        weighs[e] += w / tokens;
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += w * part[i];
      }
      record.logits.push_back(token.noisy);
      record.scores.push_back(p);
      record.chosen.push_back(chosen);
      y.push_back(out);
      for (std::size_t e = 0; e < experts && k < experts; ++e) wanted[e] += token.chance(e, k) / tokens;
    }
    record.kept = record.chosen;
    naive::number loss = naive::number(importance) * squared_variation_of(weighs);
    if (at.how.training && k < experts) loss += naive::number(load) * squared_variation_of(wanted);
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace gmoe_test
