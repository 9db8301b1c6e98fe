#pragma once
/// The equations of mowe: Words as far as they are read, looked up one after the other.

#include "cards/equations.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe_test {

inline bool is_letter(int id) {
  return (id >= '0' && id <= '9') || (id >= 'A' && id <= 'Z') || (id >= 'a' && id <= 'z') || (id > 127 && id < 256);
}

struct word_equations : naive::mixture {
  std::size_t experts = 4, width = 12, longest = 8;
  bool words = true;
  std::vector<int> bucket;

  int expert_of(const std::vector<int>& tokens, std::size_t t, std::size_t sequence) const {
    int sum = bucket[static_cast<std::size_t>(tokens[t])];
    for (std::size_t j = 1; words && j < longest && j <= t % sequence; ++j) {
      if (!is_letter(tokens[t - j + 1]) || !is_letter(tokens[t - j])) break;
      sum += static_cast<int>(gmoe::random_stream(0)
                                  .fork("word_router")
                                  .fork(static_cast<std::uint64_t>(j))
                                  .below(static_cast<std::uint64_t>(tokens[t - j]), experts));
    }
    return sum % static_cast<int>(experts);
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const int e = expert_of(at.tokens, t, at.how.sequence);
      record.chosen.push_back({e});
      record.logits.emplace_back(experts);
      record.logits.back()[static_cast<std::size_t>(e)] = 1;
      record.weights.push_back({1});
      y.push_back(naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), static_cast<std::size_t>(e) * width,
                                width, at.x[t]));
    }
    record.kept = record.chosen;
    record.scores = record.logits;
    return y;
  }
};

}  // namespace gmoe_test
