#pragma once
/// The equations of mh-moe and mh-moe-v2: parts of tokens that are routed by themselves, one after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct multi_head_equations : naive::mixture {
  std::size_t experts = 4, width = 12, heads = 2, k = 2;
  double alpha = 0.01;
  std::vector<naive::number> seen{};  ///< N sum_i f_i P_i of every layer

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::string form = "h." + std::to_string(at.block) + ".moe.form.";
    const naive::weight& gate = at.w.at("router." + std::to_string(at.layer) + ".gate");
    const std::size_t d = at.x[0].size(), part = d / heads;
    const double rows = static_cast<double>(heads * at.x.size()), n = static_cast<double>(experts);
    std::vector<double> f(experts);
    naive::vec mean(experts);
    naive::mat y;
    for (const naive::vec& token : at.x) {
      const naive::vec cut = naive::affine(token, at.w.at(form + "cut.weight"), at.w.at(form + "cut.bias"));
      naive::vec joined;
      for (std::size_t h = 0; h < heads; ++h) {
        const naive::vec s(cut.begin() + static_cast<std::ptrdiff_t>(h * part),
                           cut.begin() + static_cast<std::ptrdiff_t>((h + 1) * part));
        record.logits.push_back(naive::rows_times(gate, s));
        const naive::vec p = naive::softmax(record.logits.back());
        record.scores.push_back(p);
        const std::vector<int> best = naive::largest(p, k);
        record.chosen.push_back(best);
        naive::number sum = 1e-9;
        for (const int e : best) sum += p[static_cast<std::size_t>(e)];
        naive::vec o(part), w;
        for (const int chosen : best) {
          const auto e = static_cast<std::size_t>(chosen);
          w.push_back(p[e] / sum);
          const naive::vec out = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                               (at.layer * experts + e) * width, width, s);
          for (std::size_t c = 0; c < part; ++c) o[c] += w.back() * out[c];
          f[e] += 1 / (rows * static_cast<double>(k));
        }
        record.weights.push_back(w);
        for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / rows;
        joined.insert(joined.end(), o.begin(), o.end());
      }
      y.push_back(naive::affine(joined, at.w.at(form + "merge.weight"), at.w.at(form + "merge.bias")));
    }
    record.kept = record.chosen;
    naive::number sum;
    for (std::size_t e = 0; e < experts; ++e) sum += n * f[e] * mean[e];
    seen.push_back(sum);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& v : seen) sum += v;
    return {{"balance", sum * (alpha / static_cast<double>(seen.size()))}};
  }
};

/// At parity with 4 experts of 12 hidden units, for rows of 8 numbers and top-2: 12 - 8 / 2 and 2 (48 - 8) / 8.
inline multi_head_equations multi_head_equations_at_parity() {
  multi_head_equations e;
  e.width = 8;
  e.experts = 10;
  return e;
}

}  // namespace gmoe_test
