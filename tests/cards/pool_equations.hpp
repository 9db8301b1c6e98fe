#pragma once
/// A mixture of the k best experts of a list, token by token: what the cards of other pools have in common. Each of
/// them overrides what it does in another way.

#include "cards/equations.hpp"

namespace gmoe_test {

struct pool_equations : naive::mixture {
  std::vector<std::size_t> widths;         ///< of all experts of the pool
  std::vector<std::vector<int>> visible;   ///< the pool's numbers that a layer sees
  std::vector<std::vector<bool>> allowed;  ///< of them, those that may be asked; nothing: all
  std::size_t k = 2;
  bool renormalised = true;

  /// What a layer did.
  struct layer_load {
    std::vector<double> pairs, first;  ///< of every expert that it sees
    naive::vec mean;                   ///< of scores
    double tokens = 0, all_pairs = 0;
  };
  std::vector<layer_load> loads;

  /// Pools of `layers` layers with experts of these widths each.
  static pool_equations private_pools(const std::vector<std::size_t>& widths, std::size_t layers) {
    pool_equations p;
    for (std::size_t l = 0; l < layers; ++l) {
      p.visible.emplace_back(widths.size());
      std::iota(p.visible[l].begin(), p.visible[l].end(), static_cast<int>(l * widths.size()));
      p.widths.insert(p.widths.end(), widths.begin(), widths.end());
    }
    return p;
  }

  virtual naive::vec logits(const naive::call& at, std::size_t t) {
    return rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), at.x[t]);
  }
  /// A softmax over those that may be asked.
  virtual naive::vec scores(const naive::call& at, const naive::vec& z) {
    naive::vec p(z.size());
    naive::number sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      if (allowed.empty() || allowed[at.layer][i]) sum += exp(z[i]);
    for (std::size_t i = 0; i < z.size(); ++i)
      if (allowed.empty() || allowed[at.layer][i]) p[i] = exp(z[i]) / sum;
    return p;
  }
  /// The best first.
  virtual std::vector<int> choose(const naive::call& at, const naive::vec& p) {
    std::vector<int> all;
    for (const int i : naive::largest(p, p.size()))
      if (all.size() < k && (allowed.empty() || allowed[at.layer][static_cast<std::size_t>(i)])) all.push_back(i);
    return all;
  }
  virtual naive::vec weights(const naive::vec& p, const std::vector<int>& chosen) {
    naive::number sum = renormalised ? 1e-9 : 0;
    for (const int i : chosen) sum += p[static_cast<std::size_t>(i)];
    naive::vec w;
    for (const int i : chosen)
      w.push_back(renormalised ? p[static_cast<std::size_t>(i)] / sum : p[static_cast<std::size_t>(i)]);
    return w;
  }
  virtual naive::vec expert(const naive::call& at, std::size_t number, const naive::vec& x) {
    const std::size_t first =
        std::accumulate(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(number), std::size_t{0});
    return naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), first, widths[number], x);
  }
  /// After a token was routed.
  virtual void remember(const naive::call&, std::size_t /*t*/, const std::vector<int>& /*chosen*/,
                        const naive::vec& /*weights*/) {}

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t n = visible[at.layer].size();
    layer_load& load = loads.emplace_back();
    load.pairs.resize(n);
    load.first.resize(n);
    load.mean.resize(n);
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const naive::vec z = logits(at, t), p = scores(at, z);
      const std::vector<int> chosen = choose(at, p);
      const naive::vec w = weights(p, chosen);
      naive::vec out(at.x[t].size());
      for (std::size_t j = 0; j < chosen.size(); ++j) {
        const auto i = static_cast<std::size_t>(chosen[j]);
        const naive::vec part = expert(at, static_cast<std::size_t>(visible[at.layer][i]), at.x[t]);
        for (std::size_t c = 0; c < out.size(); ++c) out[c] += w[j] * part[c];
        ++load.pairs[i];
        ++load.all_pairs;
      }
      if (!chosen.empty()) ++load.first[static_cast<std::size_t>(chosen[0])];
      for (std::size_t i = 0; i < n; ++i) load.mean[i] += p[i] / static_cast<double>(at.x.size());
      ++load.tokens;
      remember(at, t, chosen, w);
      record.chosen.push_back(chosen);
      record.kept.push_back(chosen);
      record.logits.push_back(z);
      record.scores.push_back(p);
      record.weights.push_back(w);
      y.push_back(out);
    }
    return y;
  }
};

}  // namespace gmoe_test
