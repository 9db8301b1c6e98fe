#pragma once
/// The equations of more: Blocks of layers that share their experts, and a vector per layer that router and experts
/// see.

#include <stdexcept>

#include "cards/equations.hpp"

namespace gmoe_test {

struct more_equations : naive::mixture {
  std::size_t layers = 3, experts = 4, width = 12, k = 2, block = 2;
  double alpha = 0.01;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t first = at.layer / block * block, last = std::min(first + block, layers);
    const std::size_t n = (last - first) * experts;
    const naive::weight& depth = at.w.at("h." + std::to_string(at.block) + ".moe.form.depth_bias");
    naive::mat y;
    naive::vec f(n), mean(n);
    for (naive::vec x : at.x) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += depth[i];
      const naive::vec z = rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x),
                       p = naive::softmax(z);
      if (p.size() != n) throw std::logic_error("more: as many scores as visible experts");
      const std::vector<int> chosen = naive::largest(p, k);
      naive::vec out(x.size());
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        record.weights.back().push_back(p[e]);
        const naive::vec part =
            naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), (first * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += p[e] * part[i];
        f[e] += 1.0 / static_cast<double>(at.x.size() * k);
      }
      for (std::size_t e = 0; e < n; ++e) mean[e] += p[e] / static_cast<double>(at.x.size());
      record.chosen.push_back(chosen);
      record.logits.push_back(z);
      record.scores.push_back(p);
      y.push_back(out);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < n; ++e) loss += naive::number(alpha * static_cast<double>(n)) * f[e] * mean[e];
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
