#pragma once
/// The equations of remoe: Experts with a positive score, and a loss whose weight is steered, against their equations.

#include "cards/equations.hpp"

namespace gmoe_test {

/// y = sum over s_e > 0 of s_e E_e(x), s = max(W x, 0).
struct remoe_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double lambda = 1e-8;
  bool by_load = true;
  std::vector<naive::number> balance{};

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y, s;
    std::vector<double> count(experts, 0);
    for (const naive::vec& x : at.x) {
      naive::vec out(x.size()), score;
      std::vector<int> chosen;
      record.logits.push_back(rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x));
      for (const naive::number& z : record.logits.back()) score.push_back(relu(z));
      record.weights.emplace_back();
      for (std::size_t e = 0; e < experts; ++e) {
        if (score[e].value() <= 0) continue;
        chosen.push_back(static_cast<int>(e));
        ++count[e];
        record.weights.back().push_back(score[e]);
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += score[e] * part[i];
      }
      s.push_back(score);
      record.scores.push_back(score);
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    const double tokens = static_cast<double>(at.x.size());
    naive::number loss;
    for (const naive::vec& score : s)
      for (std::size_t e = 0; e < experts; ++e)
        loss +=
            naive::number(lambda / tokens) *
            naive::number(by_load ? static_cast<double>(experts) / (static_cast<double>(k) * tokens) * count[e] : 1) *
            score[e];
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
