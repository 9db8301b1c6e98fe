#pragma once
/// The equations of compressed-experts: a token's best experts in full, a vector in place of each of the others.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// s + s / (sum of w over the main experts) * sum over the others of w_j c_j, s the main experts' sum.
struct compressed_equations : body_mixture {
  std::size_t main = 1;

  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& weights) override {
    const naive::weight& c = at.w.at("experts.stand_in");
    naive::vec s(x.size()), scale(x.size());
    naive::number sum;
    for (std::size_t j = 0; j < chosen.size(); ++j)
      if (j < main) {
        add_to(s, weights[j], output(at, index(chosen[j]), x));
        sum += weights[j];
      } else {
        for (std::size_t i = 0; i < x.size(); ++i) scale[i] += weights[j] * c(at.layer * experts + index(chosen[j]), i);
      }
    naive::vec y = s;
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += s[i] / sum * scale[i];
    return y;
  }
};

}  // namespace gmoe_test
