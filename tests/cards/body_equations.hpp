#pragma once
/// What the references of cards with other bodies have in common.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

/// Top-k of a softmax, its scores as shares, Switch's loss: the usual mixture of experts that say themselves what they
/// compute.
struct body_mixture : scored_mixture {
  /// Expert e of the layer.
  virtual naive::vec output(const naive::call& at, std::size_t e, const naive::vec& x) {
    return naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), (at.layer * experts + e) * width, width, x);
  }
  /// What a token gets of those that it chose, by their weights.
  virtual naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                           const naive::vec& weights) {
    naive::vec y(x.size());
    for (std::size_t j = 0; j < chosen.size(); ++j) add_to(y, weights[j], output(at, index(chosen[j]), x));
    return y;
  }
  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    said = rows_times(mine(at, "gate"), x);
    return naive::softmax(said);
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y;
    for (const naive::vec& x : at.x) {
      const naive::vec p = scores(at, x);
      const std::vector<int> chosen = choose(at, p);
      naive::number sum = 1e-9;
      for (const int e : chosen) sum += p[index(e)];
      naive::vec w;
      for (const int e : chosen) w.push_back(weight(p[index(e)], sum));
      y.push_back(mixed(at, x, chosen, w));
      record.logits.push_back(said);
      record.scores.push_back(p);
      record.chosen.push_back(chosen);
      record.weights.push_back(w);
    }
    record.kept = record.chosen;
    if (alpha > 0) balance.push_back(loss(at, record.scores, record.chosen));
    return y;
  }

  static std::size_t index(int e) { return static_cast<std::size_t>(e); }
  static void add_to(naive::vec& y, const naive::number& w, const naive::vec& part) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += w * part[i];
  }
};

}  // namespace gmoe_test
