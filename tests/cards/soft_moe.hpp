#pragma once
/// The equations of soft-moe: experts of mixtures of tokens, one slot after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct soft_equations : naive::mixture {
  std::size_t experts = 4, width = 12, slots = 1;
  bool ahead = true;  ///< in training

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t length = at.how.sequence, all = experts * slots;
    record.chooses = false;
    for (const naive::vec& row : at.x)
      record.logits.push_back(naive::rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), row));
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const std::size_t first = t / length * length, last = at.how.training && ahead ? first + length - 1 : t;
      const naive::vec share = naive::softmax(record.logits[t]);
      naive::vec sum(at.x[t].size());
      for (std::size_t j = 0; j < all; ++j) {
        naive::vec column;
        for (std::size_t u = first; u <= last; ++u) column.push_back(record.logits[u][j]);
        const naive::vec part_of = naive::softmax(column);
        naive::vec mixed(at.x[t].size());
        for (std::size_t u = first; u <= last; ++u)
          for (std::size_t c = 0; c < mixed.size(); ++c) mixed[c] += part_of[u - first] * at.x[u][c];
        const naive::vec out = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                             (at.layer * experts + j / slots) * width, width, mixed);
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += share[j] * out[c];
      }
      y.push_back(sum);
    }
    return y;
  }
};

}  // namespace gmoe_test
