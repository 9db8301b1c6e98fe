#pragma once
/// The equations of usmoe: Experts and tokens compete in one score, and the batch has one budget of pairs.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct usmoe_equations : naive::paired_mixture {
  double k = 2, share = 0.5;
  bool training = true;
  std::vector<std::vector<double>> column_sum{}, threshold{};  ///< layer by layer, in evaluation
  std::vector<std::vector<double>>*sums = nullptr, *smallest = nullptr;

  pairs choose(const naive::call& at, const mat& z) override {
    mat p = naive::softmax_of_rows(z);
    const mat by_tokens = naive::turned(naive::softmax_of_rows(naive::turned(z)));
    for (std::size_t t = 0; t < z.size(); ++t)
      for (std::size_t e = 0; e < experts; ++e) {
        const naive::number other =
            training ? by_tokens[t][e]
                     : exp(z[t][e] - (column_sum.empty() ? std::log(7.0) : column_sum[at.layer][e]));  // 7 positions
        p[t][e] = naive::number(1 - share) * p[t][e] + naive::number(share) * other;
      }
    scored = p;
    pairs all(z.size());
    if (!training) {
      for (std::size_t t = 0; t < z.size(); ++t)
        for (const int e : naive::largest(p[t], experts)) {
          const auto& score = p[t][static_cast<std::size_t>(e)];
          if (score.value() > (threshold.empty() ? 0.25 : threshold[at.layer][0]))
            all[t].push_back({static_cast<std::size_t>(e), score});
        }
      return all;
    }
    vec flat;
    for (const vec& row : p) flat.insert(flat.end(), row.begin(), row.end());
    std::vector<int> best = naive::largest(
        flat, std::clamp<std::size_t>(static_cast<std::size_t>(k * static_cast<double>(z.size())), 1, flat.size()));
    if (smallest) smallest->push_back({flat[static_cast<std::size_t>(best.back())].value()});
    if (sums) {
      sums->emplace_back();
      for (std::size_t e = 0; e < experts; ++e) {
        double sum = 0;
        for (const vec& row : z) sum += std::exp(row[e].value());
        sums->back().push_back(std::log(sum));
      }
    }
    std::sort(best.begin(), best.end());
    for (const int i : best) {
      const std::size_t t = static_cast<std::size_t>(i) / experts, e = static_cast<std::size_t>(i) % experts;
      all[t].push_back({e, p[t][e]});
    }
    return all;
  }
};

}  // namespace gmoe_test
