#pragma once
/// The equations of moec: Clusters of experts that are kept alike and take turns resting; one expert for a whole
/// sequence.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct moec_equations : naive::paired_mixture {
  std::size_t size = 2;
  double rest = 0.5, alpha = 0.01, beta = 0.01;
  vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    std::vector<double> draw;
    for (std::size_t e = 0; e < experts; ++e)
      draw.push_back(at.how.training ? at.how.draw("resting_experts", at.block, e) : 1);
    pairs all(z.size());
    naive::number variances;
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::size_t first = static_cast<std::size_t>(naive::largest(p[t], 1)[0]) / size * size;
      const auto longest = std::max_element(draw.begin() + static_cast<std::ptrdiff_t>(first),
                                            draw.begin() + static_cast<std::ptrdiff_t>(first + size)) -
                           draw.begin();
      vec awake;
      for (std::size_t e = first; e < first + size; ++e)
        awake.push_back(!at.how.training || draw[e] > rest || static_cast<std::ptrdiff_t>(e) == longest
                            ? p[t][e]
                            : naive::number(-1));
      const std::size_t e = first + static_cast<std::size_t>(naive::largest(awake, 1)[0]);
      all[t].push_back({e, p[t][e]});
      naive::number mean, variance;
      for (std::size_t i = first; i < first + size; ++i) mean += p[t][i] / static_cast<double>(size);
      for (std::size_t i = first; i < first + size; ++i)
        variance += (p[t][i] - mean) * (p[t][i] - mean) / static_cast<double>(size);
      variances += variance / static_cast<double>(z.size());
    }
    terms.push_back(naive::number(alpha) * naive::switch_term(all, p) + naive::number(beta) * variances);
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

/// Every token has the logits of its sequence's first one, with noise in training; weight 1 that learns as p.
struct task_equations : naive::paired_mixture {
  bool noise = true;
  vec terms{};
  mat of_sequences{};  ///< the logits of a layer

  pairs choose(const naive::call& at, const mat& z) override {
    pairs all(z.size());
    mat p;
    of_sequences.clear();
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::size_t b = t / at.how.sequence;
      vec first = z[b * at.how.sequence];
      for (std::size_t e = 0; e < experts; ++e)
        if (at.how.training && noise)
          first[e] += -std::log(-std::log(at.how.draw("gumbel_draws", at.block, b * experts + e)));
      of_sequences.push_back(first);
      p.push_back(naive::softmax(first));
      const auto e = static_cast<std::size_t>(naive::largest(p[t], 1)[0]);
      all[t].push_back({e, naive::number::of(p[t][e], 1, 1)});
    }
    scored = p;
    terms.push_back(naive::number(0.01) * naive::switch_term(all, p));
    return all;
  }
  mat operator()(const naive::call& at, naive::layer_record& record) override {
    mat y = paired_mixture::operator()(at, record);
    record.logits = of_sequences;
    return y;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace gmoe_test
