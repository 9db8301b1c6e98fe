#pragma once
/// The equations of grove: a small expert for every group that a token has an expert of.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// sum_i w_i E_i(x) + lambda sum over touched groups j of (sum of w_i in j) A_j(x).
struct grove_equations : body_mixture {
  std::size_t group = 2, small = 2;
  double lambda = 0.05;

  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& weights) override {
    naive::vec y = body_mixture::mixed(at, x, chosen, weights);
    for (std::size_t j = 0; j < experts / group; ++j) {
      naive::number sum;
      for (std::size_t i = 0; i < chosen.size(); ++i)
        if (index(chosen[i]) / group == j) sum += weights[i];
      const std::size_t number = at.layer * experts / group + j;
      add_to(y, naive::number(lambda) * sum,
             naive::expert(at.w.at("experts.adjugates.w_in"), at.w.at("experts.adjugates.w_out"), number * small, small,
                           x));
    }
    return y;
  }
};

}  // namespace gmoe_test
