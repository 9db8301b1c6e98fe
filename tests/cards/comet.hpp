#pragma once
/// The equations of comet: Trees over the experts, walked node by node.

#include "cards/equations.hpp"

namespace gmoe_test {

inline naive::number smooth_step_of(const naive::number& a, double softness) {
  const double x = a.value(), g = softness;
  if (x <= -g / 2) return 0;
  if (x >= g / 2) return 1;
  return naive::number::of(a, -2 * x * x * x / (g * g * g) + 3 * x / (2 * g) + 0.5, -6 * x * x / (g * g * g) + 1.5 / g);
}

struct comet_equations : naive::mixture {
  std::size_t layers = 3, experts = 4, width = 12, trees = 2;
  double softness = 1, entropy = 0.01;
  double temperature = 0;  ///< of the order of the leaves; 0: leaf e is expert e
  std::size_t rounds = 20;
  naive::number loss;
  bool training = false;

  /// Sinkhorn(O_j / t), row by row.
  naive::mat order_of(const naive::weight& order, std::size_t j) const {
    naive::mat p(experts, naive::vec(experts));
    for (std::size_t l = 0; l < experts; ++l)
      for (std::size_t e = 0; e < experts; ++e)
        p[l][e] = temperature > 0 ? exp(order(j * experts + l, e) / temperature) : naive::number(l == e ? 1 : 0);
    for (std::size_t i = 0; temperature > 0 && i < rounds; ++i) {
      for (std::size_t e = 0; e < experts; ++e) {
        naive::number sum;
        for (std::size_t l = 0; l < experts; ++l) sum += p[l][e];
        for (std::size_t l = 0; l < experts; ++l) p[l][e] = p[l][e] / sum;
      }
      for (naive::vec& row : p) {
        naive::number sum;
        for (const naive::number& v : row) sum += v;
        for (naive::number& v : row) v = v / sum;
      }
    }
    return p;
  }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    training = at.how.training;
    const std::string router = "router." + std::to_string(at.layer) + ".";
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at(name); };
    naive::mat y;
    std::vector<naive::mat> orders;
    for (std::size_t j = 0; j < trees; ++j)
      orders.push_back(order_of(temperature > 0 ? w(router + "order") : naive::weight{}, j));
    for (const naive::vec& x : at.x) {
      naive::vec weight(experts);
      naive::number all = 0;
      for (std::size_t j = 0; j < trees; ++j) {
        std::size_t leaf = 0;  // from left to right
        const std::function<void(std::size_t, naive::number)> walk = [&](std::size_t node, const naive::number& share) {
          if (node >= experts - 1) {
            const std::size_t row = j * experts + leaf;
            naive::number says = w(router + "leaf_bias")[row];
            for (std::size_t i = 0; i < x.size(); ++i) says += w(router + "leaves")(row, i) * x[i];
            const naive::number part = share * exp(says);
            for (std::size_t e = 0; e < experts; ++e)
              if (orders[j][leaf][e].value() != 0) weight[e] += part * orders[j][leaf][e];
            ++leaf;
            all += part;
            if (share.value() > 0)
              loss += naive::number(-entropy / static_cast<double>(layers * at.x.size())) * share * log(share);
            return;
          }
          const std::size_t row = j * (experts - 1) + node;
          naive::number a = w(router + "node_bias")[row];
          for (std::size_t i = 0; i < x.size(); ++i) a += w(router + "nodes")(row, i) * x[i];
          const naive::number left = smooth_step_of(a, softness);
          walk(2 * node + 1, share * left);
          walk(2 * node + 2, share * (naive::number(1) - left));
        };
        walk(0, 1);
      }
      naive::vec out(x.size());
      record.chosen.emplace_back();
      record.scores.emplace_back();
      record.weights.emplace_back();
      for (const naive::number& v : weight) record.scores.back().push_back(v / all);
      for (std::size_t e = 0; e < experts; ++e) {
        if (!(weight[e].value() > 0)) continue;
        record.chosen.back().push_back(static_cast<int>(e));
        record.weights.back().push_back(weight[e] / all);
        const naive::vec part =
            naive::expert(w("experts.w_in"), w("experts.w_out"), (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += weight[e] / all * part[i];
      }
      y.push_back(out);
    }
    record.logits = record.scores;
    record.kept = record.chosen;
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    if (!training || experts == 1 || entropy == 0) return {};
    return {{"tree_entropy", loss}};
  }
};

}  // namespace gmoe_test
