#pragma once
/// The equations of deep_moe: Two dense mixtures, one upon the other, and experts that rest, against their equations.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

struct deep_equations : naive::mixture {
  std::size_t experts = 4, width = 12;
  std::vector<std::vector<bool>> open{};  // of each level of each layer; none: all

  naive::mat level(const naive::call& at, const std::string& name, std::size_t number, const naive::mat& in,
                   naive::layer_record& record) const {
    const std::string router = "form." + name + ".router." + std::to_string(at.layer) + ".";
    naive::mat y;
    for (const naive::vec& x : in) {
      naive::vec h = rows_times(at.w.at(router + "w_in"), x);
      for (std::size_t u = 0; u < h.size(); ++u) h[u] = relu(h[u] + at.w.at(router + "bias_in")[u]);
      naive::vec z = rows_times(at.w.at(router + "w_out"), h), e(experts), out(x.size());
      naive::number sum;
      std::vector<int> chosen;
      for (std::size_t i = 0; i < experts; ++i) z[i] += at.w.at(router + "bias_out")[i];
      for (std::size_t i = 0; i < experts; ++i)
        if (open.empty() || open[2 * at.layer + number][i]) {
          sum += e[i] = exp(z[i]);
          chosen.push_back(static_cast<int>(i));
        }
      std::stable_sort(chosen.begin(), chosen.end(), [&](int a, int b) {
        return e[static_cast<std::size_t>(a)].value() > e[static_cast<std::size_t>(b)].value();
      });
      record.logits.push_back(z);
      record.scores.emplace_back();
      for (const naive::number& share : e) record.scores.back().push_back(share / sum);
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto i = static_cast<std::size_t>(c);
        const naive::vec part =
            naive::expert(at.w.at("form." + name + ".experts.w_in"), at.w.at("form." + name + ".experts.w_out"),
                          (at.layer * experts + i) * width, width, x);
        record.weights.back().push_back(e[i] / sum);
        for (std::size_t j = 0; j < x.size(); ++j) out[j] += e[i] / sum * part[j];
      }
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    return y;
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    record.rounds.resize(2);
    return level(at, "second", 1, level(at, "first", 0, at.x, record.rounds[0]), record.rounds[1]);
  }
};

}  // namespace gmoe_test
