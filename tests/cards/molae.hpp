#pragma once
/// The equations of molae: experts that see a token through a projection which they share.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// E_i(x) = W_out' (silu(A_gate B_gate x) * (A_up B_up x)), B of the group of `group` experts.
struct molae_equations : body_mixture {
  std::size_t rank = 4, group = 4;

  naive::vec output(const naive::call& at, std::size_t e, const naive::vec& x) override {
    const std::size_t expert = at.layer * experts + e;
    const auto through = [&](const std::string& name) {
      const naive::vec latent = naive::rows_times(at.w.at("experts.b_" + name), x, expert / group * rank, rank);
      return naive::rows_times(at.w.at("experts.a_" + name), latent, expert * width, width);
    };
    const naive::vec gate = through("gate"), up = through("up");
    naive::vec y(x.size());
    for (std::size_t u = 0; u < width; ++u)
      for (std::size_t i = 0; i < x.size(); ++i)
        y[i] += gate[u] * sigmoid(gate[u]) * up[u] * at.w.at("experts.w_out")(expert * width + u, i);
    return y;
  }
};

}  // namespace gmoe_test
