#pragma once
/// The equations of thor: experts that draws decide, in two passes in training.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct thor_equations : naive::paired_mixture {
  double weight = 5;
  std::size_t row = 0;

  double agreement() const override { return weight; }
  mat operator()(const naive::call& at, naive::layer_record& record) override {
    row = 0;
    return naive::paired_mixture::operator()(at, record);
  }
  /// 1 for the expert of the row's sequence.
  vec logits(const naive::call& at, const vec&) override {
    const std::size_t sequence = row++ / at.how.sequence;
    vec u;
    for (std::size_t e = 0; e < experts; ++e)
      u.push_back(at.how.draw("expert_draws", at.block, sequence * experts + e));
    const std::vector<int> order = naive::largest(u, experts);
    vec z(experts);
    z[static_cast<std::size_t>(order[experts == 1 ? 0 : pass])] = 1;
    return z;
  }
  pairs choose(const naive::call&, const mat& z) override {
    scored = z;
    pairs all;
    for (const vec& one : z) all.push_back({{static_cast<std::size_t>(naive::largest(one, 1)[0]), 1}});
    return all;
  }
};

}  // namespace gmoe_test
