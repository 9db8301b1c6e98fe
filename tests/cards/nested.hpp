#pragma once
/// The equations of nested: prefixes of one dense layer, the widest of which choose their tokens first.

#include "cards/equations.hpp"

namespace gmoe_test {

struct nested_equations : naive::mixture {
  std::vector<std::size_t> units = {1, 3, 6, 12};  ///< hidden units of each nested expert, from the first on
  double budget = 0.5, delta = 2, beta = 10;
  bool training = true;
  std::vector<std::vector<double>> threshold{};      ///< layer by layer; none: 1 / N
  std::vector<std::vector<double>>* seen = nullptr;  ///< gets the smallest scores that were taken

  /// c, from lambda by bisection between numbers that are far enough apart.
  std::vector<double> shares() const {
    const std::size_t n = units.size();
    if (n == 1) return {1};
    double low = -1e5, high = 1e5;
    std::vector<double> c(n);
    for (int i = 0; i < 300; ++i) {
      const double lambda = 0.5 * (low + high);
      double sum = 0, mean = 0;
      for (std::size_t e = 0; e < n; ++e) {
        double worth = 1, best = 1;
        for (std::size_t j = 0; j < e; ++j) worth *= delta;
        for (std::size_t j = 1; j < n; ++j) best *= delta;
        const double part = static_cast<double>(units[e]) / static_cast<double>(units.back());
        // Less the exponent of the last or of the first one: the larger of the two, nearly.
        const double top =
            std::max(best - lambda, 1 - lambda * static_cast<double>(units[0]) / static_cast<double>(units.back()));
        c[e] = std::exp((worth - lambda * part - top) / beta);
        sum += c[e];
        mean += c[e] * part;
      }
      for (double& share : c) share /= sum;
      (mean / sum > budget ? low : high) = lambda;
    }
    return c;
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t tokens = at.x.size(), n = units.size();
    const std::string layer = std::to_string(at.layer);
    const naive::number& a = at.w.at("h." + std::to_string(at.block) + ".moe.gate.strength")[0];
    naive::mat y;
    for (const naive::vec& x : at.x) {
      record.logits.push_back(naive::rows_times(at.w.at("router." + layer + ".gate"), x));
      record.scores.push_back(naive::softmax(record.logits.back()));
    }
    std::vector<std::size_t> mine(tokens, 0);
    std::vector<double> smallest(n, 1);
    if (training) {
      const std::vector<double> c = shares();
      std::vector<bool> left(tokens, true);
      for (std::size_t e = n - 1; e > 0; --e) {
        naive::vec wish;
        for (std::size_t t = 0; t < tokens; ++t) wish.push_back(left[t] ? record.scores[t][e] : naive::number(-1));
        const auto count = static_cast<std::size_t>(c[e] * static_cast<double>(tokens) + 1e-6);
        for (const int chosen : naive::largest(wish, count)) {
          const auto t = static_cast<std::size_t>(chosen);
          left[t] = false;
          mine[t] = e;
          smallest[e] = std::min(smallest[e], wish[t].value());
        }
      }
    } else {
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t e = 1; e < n; ++e)
          if (record.scores[t][e].value() > (threshold.empty() ? 1.0 / static_cast<double>(n) : threshold[at.layer][e]))
            mine[t] = e;
    }
    if (seen) seen->push_back(smallest);
    for (std::size_t t = 0; t < tokens; ++t) {
      const naive::number w = naive::number(1) + a * record.scores[t][mine[t]];
      naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), at.layer * units.back(),
                                      units[mine[t]], at.x[t]);
      for (naive::number& v : part) v = w * v;
      y.push_back(part);
      std::vector<int> rings;
      for (std::size_t e = 0; e <= mine[t]; ++e) rings.push_back(static_cast<int>(e));
      record.chosen.push_back(rings);
      record.weights.push_back(naive::vec(rings.size(), w));
    }
    record.kept = record.chosen;
    return y;
  }
};

}  // namespace gmoe_test
